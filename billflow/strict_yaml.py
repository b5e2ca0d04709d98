"""YAML 1.2 into frozen pydantic models; every mistake names file, path inside it, value and remedy."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationError,
)
from pydantic_core import CoreSchema, ErrorDetails, core_schema
from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, DuplicateKeyError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from billflow.errors import SettingsError
from billflow.shown_values import shown
from billflow.yaml_mistakes import explained, key_of_union

Model = TypeVar("Model", bound=BaseModel)
Item = TypeVar("Item")

DECIMAL = r"[+-]?\d+(\.\d+)?"
_DECIMAL = re.compile(DECIMAL)
_NOT_CONSTRUCTED = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, AssertionError)
ENVIRONMENT = r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}"
_ENVIRONMENT = re.compile(ENVIRONMENT)

MAX_SCALE = 12
"""Digits after the point that a price, rate or quantity may have (the lake stores decimal(38,12))."""
MAX_INTEGER_DIGITS = 14
"""Digits before the point: the exact product of two such numbers must fit decimal(38,24)."""


class FloatText(str):
    """The text of a YAML float, kept as it was written so that no digit is invented or lost."""

    __slots__ = ()


class _ExactConstructor(SafeConstructor):
    """SafeConstructor that never makes a binary float and names the place of a value that cannot be made."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except _NOT_CONSTRUCTED as error:
            problem = f"{shown(node.value)} is not a value of its kind ({error})"
            raise ConstructorError(problem=problem, problem_mark=node.start_mark) from None


_ExactConstructor.add_constructor("tag:yaml.org,2002:float", lambda _, node: FloatText(node.value))


def exact_decimal(value: Any) -> Decimal:
    """A decimal from text or an integer; a YAML float is refused, for `0.1` is not one tenth in binary."""
    if isinstance(value, FloatText | float):
        raise ValueError(f'a YAML float may carry rounding dust; write it as text: "{value}"')  # noqa: TRY004
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not _DECIMAL.fullmatch(str(value)):
        raise ValueError('not a decimal number; write digits as text, such as "0.31"')
    number = Decimal(str(value))
    if -int(number.as_tuple().exponent) > MAX_SCALE:
        raise ValueError(f"more than {MAX_SCALE} digits after the point; round it as you mean it")
    if number.adjusted() >= MAX_INTEGER_DIGITS:
        raise ValueError(f"more than {MAX_INTEGER_DIGITS} digits before the point; use a larger unit")
    return number


ExactDecimal = Annotated[
    Decimal,
    BeforeValidator(exact_decimal),
    PlainSerializer(lambda number: format(number, "f"), return_type=str),
]
"""A decimal that never was a binary float; up to 14 digits before and 12 after the point."""


def _at_least_one(items: tuple[Item, ...]) -> tuple[Item, ...]:
    if not items:
        raise ValueError("at least 1 is needed; add one")
    return items


class _AtLeastOne:
    """A validator that editors see as minItems."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(_at_least_one, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "minItems": 1}


AtLeastOne = _AtLeastOne()
"""For tuples instead of min_length, which counts only valid items and so tells one mistake twice."""


class Strict(BaseModel):
    """Base of every model that is read from a project's YAML: frozen, unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True, validate_default=True)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds ({} when it is empty)."""
    return parse_yaml(read_text(path), where=str(path))


def read_text(path: Path) -> str:
    """A YAML file's text; SettingsError when it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"not valid YAML: {error}", where=str(path), remedy="save it as UTF-8") from None


def parse_yaml(text: str, *, where: str) -> dict[str, Any]:
    """The mapping that a YAML text holds ({} when it is empty); `where` is its file."""
    return deepcopy(_parsed(text, where))


@lru_cache(maxsize=64)
def _parsed(text: str, where: str) -> dict[str, Any]:
    """Kept: the steps of a run read billflow.yaml and the catalogue forty times, which took 2 s of a small run's 26."""
    parser = YAML(typ="safe", pure=True)
    parser.Constructor = _ExactConstructor
    try:
        content = parser.load(text)
    except DuplicateKeyError as error:
        raise SettingsError(str(error.problem), where=f"{where}{_line(error)}", remedy="keep one of the two") from None
    except (MarkedYAMLError, YAMLError, RecursionError) as error:
        problem = getattr(error, "problem", None) or str(error)
        raise SettingsError(
            f"not valid YAML: {problem}", where=f"{where}{_line(error)}", remedy="mend it there"
        ) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(f"a mapping is expected, not {shown(content)}", where=where, remedy="write `key: value`")
    looping = _loop(content)
    if looping is not None:
        raise SettingsError(
            "an alias leads back to itself", where=f"{where}: {dotted(looping)}", remedy="write the value out"
        )
    return content


def _loop(value: Any, above: tuple[int, ...] = ()) -> tuple[int | str, ...] | None:
    """Where a value contains itself."""
    if id(value) in above:
        return ()
    for key, inner in _inside(value):
        if (found := _loop(inner, (*above, id(value)))) is not None:
            return (key, *found)
    return None


def _inside(value: Any) -> Iterator[tuple[int | str, Any]]:
    if isinstance(value, dict):
        yield from ((str(key), inner) for key, inner in value.items())
    elif isinstance(value, list):
        yield from enumerate(value)


def _line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f": line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def with_environment(value: Any, *, where: str, environment: Mapping[str, str] = os.environ) -> Any:
    """`value` with every `${env:NAME}` in its texts replaced; a variable that is not set is a mistake."""
    if isinstance(value, dict):
        return {
            key: with_environment(inner, where=_deeper(where, key), environment=environment)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [
            with_environment(inner, where=f"{where}[{at}]", environment=environment) for at, inner in enumerate(value)
        ]
    if not isinstance(value, str) or not _ENVIRONMENT.search(value):
        return value

    def lookup(match: re.Match[str]) -> str:
        if match[1] not in environment:
            raise SettingsError(
                f"the environment variable {match[1]} is not set", where=where, remedy=f"export {match[1]}=…"
            )
        return environment[match[1]]

    return _ENVIRONMENT.sub(lookup, value)


def _deeper(where: str, key: Any) -> str:
    return f"{where}{key}" if where.endswith(": ") else f"{where}.{key}"


def validated(
    model: type[Model], content: Any, *, file: Path | str, overrides: Mapping[tuple[str, ...], str] | None = None
) -> Model:
    """`content` as a `model`; SettingsError names every mistake in it with its path.

    `overrides` has the variable that gave a path's value: a mistake in it is not the file's.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise together([_mistake(detail, file, overrides or {}) for detail in error.errors()]) from None


def together(mistakes: Iterable[SettingsError]) -> SettingsError:
    """One error that lists all `mistakes` (at least one), a paragraph each."""
    first, *rest = mistakes
    if not rest:
        return first
    return SettingsError("\n".join(str(mistake) for mistake in (first, *rest)))


def dotted(location: Iterable[int | str]) -> str:
    """`sources[0].tables.usage` for ("sources", 0, "tables", "usage")."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _mistake(detail: ErrorDetails, file: Path | str, overrides: Mapping[tuple[str, ...], str]) -> SettingsError:
    # pydantic adds the tag of a union's member to the path; it is not a key that the user wrote.
    location = [part for part in detail["loc"] if not str(part).startswith("~")]
    what, remedy = explained(detail, location)
    if detail["type"] == "union_tag_invalid":
        location.append(key_of_union(detail.get("ctx") or {}))
    keys = tuple(map(str, location))
    variables = (variable for path, variable in overrides.items() if _comes_from(path, keys, what))
    place = f"{file}: {dotted(location)}" if location else str(file)
    return SettingsError(what, where=next(variables, place), remedy=remedy)


def _comes_from(path: tuple[str, ...], keys: tuple[str, ...], what: str) -> bool:
    """Whether a mistake at `keys` is of the value at `path`; a check of a whole mapping names the key in `what`."""
    below = bool(keys) and path[: len(keys)] == keys and repr(path[-1]) in what
    return below or keys[: len(path)] == path
