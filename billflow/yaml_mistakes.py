"""What pydantic says of a value, for whoever wrote it: what is wrong, and what to write instead."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

from billflow.shown_values import shown


def explained(detail: ErrorDetails, location: list[int | str]) -> tuple[str, str]:
    """What is wrong with the value at `location`, and what to do."""
    kind, value, context = detail["type"], detail["input"], detail.get("ctx") or {}
    if kind == "extra_forbidden":
        return f"unknown key {location[-1]!r} (value {shown(value)})", "remove it, or look for a slip of the pen"
    if kind == "missing":
        return f"the key {location[-1]!r} is missing", "add it"
    if kind == "literal_error":
        return f"{shown(value)} is not known here", f"write one of {context['expected']}"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _unknown_member(value, context)
    if kind == "value_error":
        message, _, remedy = str(context["error"]).partition("; ")
        return f"{shown(value)}: {message}" if not isinstance(value, dict | list) or not value else message, remedy
    return f"{shown(value)}: {detail['msg']}", f"write {_wanted(kind, context)}"


def _wanted(kind: str, context: Mapping[str, Any]) -> str:
    """What to write in place of a value of the wrong kind, or out of range."""
    ranges = (f"{words} {context[bound]}" for bound, words in _RANGES.items() if bound in context)
    kinds = (words for begin, words in _KINDS.items() if kind.startswith(begin))
    return next(ranges, next(kinds, "a value of that kind"))


_RANGES = {"le": "a number up to", "lt": "a number below", "ge": "a number of at least", "gt": "a number above"}
_KINDS = {
    "int_": "a whole number",
    "date_": "a date, such as 2026-01-31",
    "bool_": "true or false",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "tuple_type": "a list",
    "list_type": "a list",
}
"""Beginnings of pydantic's names of mistakes → what is wanted."""


def key_of_union(context: Mapping[str, Any]) -> str:
    """The key by which the members of a union are told apart."""
    return str(context["discriminator"]).removesuffix("()").removeprefix("_by_")


def _unknown_member(value: Any, context: Mapping[str, Any]) -> tuple[str, str]:
    """A union whose members are told apart by one key, such as a charge by its `model`."""
    key = key_of_union(context)
    known = str(context.get("expected_tags") or "").replace("~", "")
    given = value.get(key) if isinstance(value, dict) else value
    if given is None:
        return f"the key {key!r} is missing", "add it"
    return f"{key} {shown(given)} is not known to this version", f"write one of {known}"
