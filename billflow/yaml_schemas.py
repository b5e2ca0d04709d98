"""JSON Schemas of billflow.yaml and of a catalogue's files, so that editors complete and check them.

They say what the models say, as far as JSON Schema can: what needs more than one key, or another file, only loading
finds out. Every value may come from the environment (`${env:NAME}`).
"""

import ast
import inspect
import json
from functools import cache
from itertools import pairwise
from textwrap import dedent
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from billflow.canonical import CANONICAL_TABLES, CanonicalTable
from billflow.catalog import Catalog
from billflow.settings import Settings
from billflow.strict_yaml import DECIMAL, ENVIRONMENT

DRAFT = "https://json-schema.org/draft/2020-12/schema"

Page = Literal["billflow.yaml", "catalog"]

_MODELS: dict[Page, type[BaseModel]] = {"billflow.yaml": Settings, "catalog": Catalog}

_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}

_NOT_WRITTEN = {"folder"}
"""Fields of models that no file has."""


def schema_of(page: Page) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of billflow.yaml or of a file of the catalogue."""
    made = _MODELS[page].model_json_schema(schema_generator=_ForEditors)
    whole: dict[str, Any] = {"$schema": DRAFT, **_tidied(made), "title": page}
    return whole


def schema_text(page: Page) -> str:
    """The schema as the text of a file."""
    return json.dumps(schema_of(page), indent=2, ensure_ascii=False) + "\n"


def _or_environment(pattern: str) -> str:
    return f"^(?:{pattern}|.*{ENVIRONMENT}.*)$"


def _from_environment(schema: JsonSchemaValue) -> JsonSchemaValue:
    return {"anyOf": [schema, {"type": "string", "pattern": ENVIRONMENT}]}


class _ForEditors(GenerateJsonSchema):
    """Schemas of what is written in YAML, rather than of what the models hold."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        made = super().str_schema(schema)
        # A number is taken as its text.
        return _from_environment(made) if "pattern" in made else {**made, "type": ["string", "number"]}

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        return {**super().int_schema(schema), "type": ["integer", "string"], "pattern": _or_environment(r"\+?\d+")}

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:
        return _from_environment(super().bool_schema(schema))

    def date_schema(self, schema: core_schema.DateSchema) -> JsonSchemaValue:
        del schema
        return {"type": "string", "pattern": _or_environment(r"\d{4}-\d{2}-\d{2}")}

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        bounds = {name: schema[name] for name in _BOUNDS if name in schema}  # type: ignore[literal-required]
        return {"type": ["string", "integer"], "pattern": _or_environment(DECIMAL), **bounds}

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        made = super().literal_schema(schema)
        return _from_environment(made) if "enum" in made else made

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Only the member that is meant is checked, so that a mistake is told once: one or many, a name alone or with
        further keys, or by a key.
        """
        members = {str(tag).removeprefix("~"): self.generate_inner(one) for tag, one in schema["choices"].items()}
        if "many" in members:
            return {"if": {"type": "array"}, "then": members["many"], "else": members["one"]}
        if "keyed" in members:
            return {"if": {"type": "object"}, "then": members["keyed"], "else": members["plain"]}
        named = schema["discriminator"]
        key = named if isinstance(named, str) else getattr(named, "__name__", "").removeprefix("_by_")
        chosen = [
            {"if": {"properties": {key: {"const": tag}}, "required": [key]}, "then": member}
            for tag, member in members.items()
        ]
        return {
            "type": "object",
            "required": [key],
            "properties": {key: {"enum": list(members)}},
            "allOf": chosen,
        }

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made, model = super().model_schema(schema), schema["cls"]
        properties = {name: one for name, one in made.get("properties", {}).items() if name not in _NOT_WRITTEN}
        names = {name: field.alias or name for name, field in model.model_fields.items()}
        meanings = {names.get(name, name): text for name, text in _attribute_docstrings(model).items()}
        described = {
            name: {**one, "description": meanings[name]} if name in meanings else one
            for name, one in properties.items()
        }
        required = [name for name in made.get("required", ()) if name not in _NOT_WRITTEN]
        return {**made, "properties": described, "required": required, **_FURTHER.get(model.__name__, {})}


_FURTHER: dict[str, dict[str, Any]] = {
    "Tax": {
        "required": ["category"],
        "if": {"properties": {"category": {"const": "S"}}},
        "then": {"required": ["rate"]},
    },
    "Tier": {"anyOf": [{"required": ["unit_price"]}, {"required": ["flat_fee"]}]},
    "PercentageTier": {"anyOf": [{"required": ["rate"]}, {"required": ["flat_fee"]}]},
    "Discount": {"oneOf": [{"required": ["percent"]}, {"required": ["amount"]}]},
    "Metric": {
        "if": {"properties": {"aggregate": {"const": "unique"}}},
        "then": {"required": ["of"]},
        "else": {"not": {"required": ["of"]}},
    },
    "SparkSettings": {
        "patternProperties": {r"^spark\.": {"type": ["string", "number", "boolean"]}},
        "additionalProperties": False,
    },
}
"""Model → what its validators ask for beyond its fields."""


def _attribute_docstrings(model: type) -> dict[str, str]:
    """Attribute → the text below it in the model's source, or in that of a class it is made from."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if issubclass(one, BaseModel) and one is not BaseModel:
            found |= _own_docstrings(one)
    return found


@cache  # to find a class's source, its whole module is read
def _own_docstrings(model: type) -> dict[str, str]:
    body = ast.parse(dedent(inspect.getsource(model))).body[0]
    return dict(_documented(body.body)) if isinstance(body, ast.ClassDef) else {}


def _documented(body: list[ast.stmt]) -> list[tuple[str, str]]:
    return [
        (attribute.target.id, inspect.cleandoc(below.value.value))
        for attribute, below in pairwise(body)
        if isinstance(attribute, ast.AnnAssign)
        and isinstance(attribute.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    ]


_NAMED = ("properties", "$defs", "patternProperties")
"""Keywords whose keys are names, not keywords."""


def _tidied(schema: Any) -> Any:
    """The schema with bounds as JSON Schema writes them, and with the canonical tables' columns."""
    if isinstance(schema, list):
        return [_tidied(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        keyword: {name: _tidied(one) for name, one in inner.items()} if keyword in _NAMED else _tidied(inner)
        for keyword, inner in schema.items()
        if keyword != "default"
    }
    return _of_canonical_tables(_bounded(made))


def _bounded(schema: dict[str, Any]) -> dict[str, Any]:
    """A lower bound of a decimal holds for its text too: no minus."""
    made = {_BOUNDS.get(keyword, keyword): _number(keyword, value) for keyword, value in schema.items()}
    if made.get("pattern") == _or_environment(DECIMAL) and {"minimum", "exclusiveMinimum"} & made.keys():
        made["pattern"] = _or_environment(DECIMAL.replace("[+-]", r"\+"))
    return made


def _number(keyword: str, value: Any) -> Any:
    return int(value) if keyword in _BOUNDS else value


def _of_canonical_tables(schema: dict[str, Any]) -> dict[str, Any]:
    """Where a source has `tables`, their names and the columns of each."""
    properties = schema.get("properties")
    if not isinstance(properties, dict) or "tables" not in properties:
        return schema
    mappings = properties["tables"]
    named = {
        table: {"allOf": [mappings["additionalProperties"], _columns(canonical)]} for table, canonical in _tables()
    }
    tables = {**mappings, "properties": named, "additionalProperties": False}
    return {**schema, "properties": {**properties, "tables": tables}}


def _tables() -> list[tuple[str, CanonicalTable]]:
    return list(CANONICAL_TABLES.items())


def _columns(canonical: CanonicalTable) -> dict[str, Any]:
    """What `columns` of one mapping, or of each in a list, must and may name."""
    columns = {
        "properties": dict.fromkeys(canonical.columns, True),
        "required": list(canonical.required),
        "additionalProperties": False,
    }
    mapping = {"properties": {"columns": columns}}
    return {"if": {"type": "array"}, "then": {"items": mapping}, "else": mapping}
