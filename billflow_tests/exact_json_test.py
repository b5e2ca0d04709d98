"""JSON with exact numbers."""

import json
from datetime import date
from decimal import Decimal

import pytest

from billflow.exact_json import exact_json


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("0.10"), "0.10"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.000000000001"), "0.000000000001"),
        (Decimal("12345678901234567890.123456789012"), "12345678901234567890.123456789012"),
        (date(2026, 5, 1), '"2026-05-01"'),
        (None, "null"),
        (True, "true"),
        ("„ü“", '"„ü“"'),
        ({"a": 1, "b": [Decimal("2.0")]}, '{\n "a": 1,\n "b": [2.0]\n}'),
        ([{"a": Decimal(1)}, {}], '[\n {"a": 1},\n {}\n]'),
        ({"a": {"b": []}}, '{\n "a": {"b": []}\n}'),
        ([], "[]"),
    ],
)
def test_text(value, expected):
    assert exact_json(value) == expected
    assert json.loads(exact_json(value)) is not Ellipsis
