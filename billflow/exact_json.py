"""JSON whose decimals keep all their digits, as numbers: programs may read them as decimals, never as doubles."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_INDENT = " "
_ENCODED = json.JSONEncoder(ensure_ascii=False, default=str).encode
"""Made once: `json.dumps` makes such an encoder for every text."""


def exact_json(value: Any, depth: int = 0) -> str:
    """Mappings, lists, decimals, dates and texts as indented JSON; rows that hold nothing else take one line each."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Mapping):
        parts = [f"{_text(str(name))}: {exact_json(one, depth + 1)}" for name, one in value.items()]
        return _joined("{", parts, "}", depth, broken=any(map(_is_nested, value.values())))
    if isinstance(value, list | tuple):
        return _joined(
            "[", [exact_json(one, depth + 1) for one in value], "]", depth, broken=any(map(_is_nested, value))
        )
    return _text(value)


def _joined(start: str, parts: list[str], stop: str, depth: int, *, broken: bool) -> str:
    if not broken:
        return start + ", ".join(parts) + stop
    margin = "\n" + _INDENT * (depth + 1)
    return start + margin + f",{margin}".join(parts) + "\n" + _INDENT * depth + stop


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple) and bool(value)


def _text(value: Any) -> str:
    return _ENCODED(value)
