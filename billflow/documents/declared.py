"""YAML files of the templates as models: what is read from them, and refused, is the same for each."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from billflow.errors import SettingsError


class Declared(BaseModel):
    """Frozen, and nothing that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=Declared)


def read_declared(model: type[Model], name: str, content: bytes) -> Model:
    """The file `name` of a template set. SettingsError names the file, the place in it and what is wrong."""
    try:
        found = YAML(typ="safe", pure=True).load(content)
        return model.model_validate(found)
    except YAMLError as problem:
        raise refused(name, str(problem)) from None
    except ValidationError as problem:
        raise refused(name, "; ".join(map(_told, problem.errors()))) from None


def refused(name: str, what: str) -> SettingsError:
    """What is wrong with a file of the templates."""
    kind = name.removesuffix(".yaml")
    return SettingsError(
        f"{name} is not right: {what}",
        where=f"templates/{name}",
        remedy=f"see the shipped {name}, and what `billflow schema {kind}` says of each key",
    )


def _told(error: Mapping[str, Any]) -> str:
    return f"{'.'.join(map(str, error['loc'])) or 'the file'}: {error['msg'].removeprefix('Value error, ')}"
