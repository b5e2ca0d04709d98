import json
import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billflow.documents.charts import ChartSheet
from billflow.documents.formatting import formats_of
from billflow.documents.shares import cost_breakdown, percentages
from billflow.documents.templates import find_templates

LABELS = json.loads(find_templates(None).files["locales/en.json"])
SHEET = ChartSheet(formats_of("en", "AU", "AUD", frozenset({"en"})), LABELS, 146, 112)
MONEY = st.decimals(Decimal("0.0001"), Decimal("99999999999999999999999999999999.9999"), places=4)


def rows(chart):
    """Name, amount and percentage of each row."""
    names, amounts, shares = (column["text"].split("\n") for column in chart["columns"])
    return list(zip(names, amounts, [*shares, *[""] * (len(names) - len(shares))], strict=True))


def cents(amounts):
    """Hundredths of cents, exact."""
    return [int(Fraction(amount) * 10_000) for amount in amounts]


def lengths(chart, role="current"):
    return [
        int(length) for length in re.findall(r"H(\d+)", next(path for own, path, _ in chart["shapes"] if own == role))
    ]


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ([["Energy", "99.5500"], ["Supply", "37.2000"]], [("Energy", "99.55", "73%"), ("Supply", "37.20", "27%")]),
        ([["Supply", "1"], ["Energy", "2"]], [("Energy", "2.00", "67%"), ("Supply", "1.00", "33%")]),
        ([["a", "1"], ["b", "1"], ["c", "1"]], [("a", "1.00", "34%"), ("b", "1.00", "33%"), ("c", "1.00", "33%")]),
        ([["Energy", "0.0100"]], [("Energy", "0.01", "100%")]),
        ([["Energy", "9"], ["Nothing", "0"]], [("Energy", "9.00", "100%")]),
        ([["Energy", "9"], ["Bonus", "-12"]], [("Energy", "9.00", "100%"), ("Bonus", "-12.00", "")]),
        (
            [["Bonus", "-1"], ["Energy", "9"], ["Feed-in", "-2.5"]],
            [("Energy", "9.00", "100%"), ("Credits", "-3.50", "")],
        ),
        (
            [[name, f"{6 - at}"] for at, name in enumerate("abcdef")],
            [("a", "6.00", "29%"), ("b", "5.00", "24%"), ("c", "4.00", "19%"), ("Other charges", "6.00", "28%")],
        ),
        (
            [[name, f"{6 - at}"] for at, name in enumerate("abcd")],
            [("a", "6.00", "33%"), ("b", "5.00", "28%"), ("c", "4.00", "22%"), ("d", "3.00", "17%")],
        ),
        (
            [["A section with a name that does not fit", "1234567.89"], ["b", "1"]],
            [("A section with a name that…", "1,234,567.89", "100%"), ("b", "1.00", "0%")],
        ),
    ],
)
def test_cost_breakdown(parts, shown):
    assert rows(cost_breakdown(parts, SHEET)) == shown


@pytest.mark.parametrize("parts", [[], [["a", "0"]], [["a", "-5"], ["b", "0.0000"]]])
def test_cost_breakdown_of_nothing(parts):
    assert cost_breakdown(parts, SHEET) is None


def test_bars_are_shares_of_the_charges():
    chart = cost_breakdown([["a", "3"], ["b", "1"], ["Bonus", "-2"]], SHEET)
    assert lengths(chart) == [1095, 365]
    assert lengths(chart, "track") == [1460, 1460]


@given(st.lists(MONEY, min_size=1, max_size=12))
def test_percentages_sum_to_100_and_are_less_than_one_off(amounts):
    found = percentages(amounts)
    assert sum(found) == 100
    total = sum(cents(amounts))
    for percent, amount in zip(found, cents(amounts), strict=True):
        assert abs(percent * total - 100 * amount) < total


@given(st.lists(MONEY, min_size=1, max_size=12))
def test_percentages_keep_the_order(amounts):
    in_order = sorted(zip(amounts, percentages(amounts), strict=True))
    assert [percent for _, percent in in_order] == sorted(percent for _, percent in in_order)


@given(st.lists(st.tuples(st.text(max_size=30), MONEY | MONEY.map(lambda amount: -amount)), max_size=12))
def test_cost_breakdown_loses_no_money(parts):
    chart = cost_breakdown([[name, f"{amount:f}"] for name, amount in parts], SHEET)
    if chart:
        shown = [Decimal(amount.replace(",", "")) for amount in chart["columns"][1]["text"].split("\n")]
        assert sum(cents(shown)) == sum(cents(amount for _, amount in parts))
        assert len(shown) <= 4
