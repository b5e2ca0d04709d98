from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billflow.documents.formatting import formats_of
from billflow.documents.scales import Scale, exact, power_of_ten, quantity_text, rounded, scale_of, tick_texts

EN = formats_of("en", "AU", "AUD", frozenset({"en", "de"}))
DE = formats_of("de", "DE", "EUR", frozenset({"en", "de"}))
QUANTITIES = st.lists(st.decimals(-(10**15), 10**15, places=9), max_size=31)


def decimals(*texts):
    return [Decimal(text) for text in texts]


@pytest.mark.parametrize(
    ("quantities", "ticks"),
    [
        (["405.12", "390"], "0 100 200 300 400 500"),
        (["500"], "0 100 200 300 400 500"),
        (["501"], "0 200 400 600"),
        (["7"], "0 2 4 6 8"),
        (["0.3"], "0.0 0.1 0.2 0.3"),
        (["12", "-3"], "-5 0 5 10 15"),
        (["-40", "-2"], "-40 -30 -20 -10 0"),
        (["0", "0.000"], "0 1"),
        ([], "0 1"),
    ],
)
def test_scale_of(quantities, ticks):
    assert [float(tick) for tick in reversed(scale_of(decimals(*quantities)).ticks())] == [
        float(tick) for tick in ticks.split()
    ]


@given(QUANTITIES)
def test_scale_of_holds_everything_between_few_nice_ticks(quantities):
    scale = scale_of(quantities)
    ticks = scale.ticks()
    assert ticks[-1] <= min([0, *quantities])
    assert max([0, *quantities]) <= ticks[0]
    assert 0 in ticks
    assert 2 <= len(ticks) <= 7
    assert scale.step.normalize().as_tuple().digits in {(1,), (2,), (5,)}


@given(QUANTITIES.filter(any))
def test_height_is_proportional(quantities):
    scale = scale_of(quantities)
    span = scale.step * scale.steps
    for quantity in quantities:
        assert abs(scale.height(quantity, 750) - quantity * 750 / span) <= Decimal("0.5")
    assert sum(abs(scale.height(end, 750)) for end in (max(scale.ticks()), min(scale.ticks()))) == pytest.approx(
        750, abs=1
    )


@pytest.mark.parametrize(
    ("scale", "texts", "exponent"),
    [
        (Scale(Decimal(500), 0, 2), ["1,000", "500", "0"], 0),
        (Scale(Decimal("0.05"), -1, 1), ["0.05", "0", "-0.05"], 0),
        (Scale(Decimal(50_000), 0, 3), ["150", "100", "50", "0"], 3),
        (Scale(Decimal(500_000), 0, 3), ["1.5", "1", "0.5", "0"], 6),
        (Scale(Decimal("0.00002"), 0, 2), ["40", "20", "0"], -6),
        (Scale(Decimal(10) ** 12, 0, 1), ["1", "0"], 12),
    ],
)
def test_tick_texts(scale, texts, exponent):
    assert tick_texts(scale, EN) == (texts, exponent)


@pytest.mark.parametrize(
    ("quantity", "formats", "text"),
    [
        ("405.120", EN, "405.12 kWh"),
        ("405.120", DE, "405,12 kWh"),
        ("-0", EN, "0 kWh"),
        ("0.000001", EN, "0.000001 kWh"),
        ("1234567.891", EN, "1,234,567.891 kWh".replace("1,234,567.891", "≈ 1.235 × 10⁶")),
        ("500000000000", EN, "500 × 10⁹ kWh"),
        ("-0.000000123456", DE, "≈ -123,5 × 10⁻⁹ kWh"),
        ("12.34567891234", EN, "≈ 12.35 kWh"),
    ],
)
def test_quantity_text(quantity, formats, text):
    assert quantity_text(Decimal(quantity), "kWh", formats) == text.replace(" ", "\u00a0")


def test_quantity_text_without_unit():
    assert quantity_text(Decimal(5), "", EN) == "5"


@pytest.mark.parametrize(
    ("quantity", "shown"), [("13.16548", "13.17"), ("0.00012345", "0.0001235"), ("99999", "1.000E+5"), ("0", "0")]
)
def test_rounded(quantity, shown):
    assert rounded(Decimal(quantity)) == Decimal(shown)


def test_power_of_ten():
    assert [power_of_ten(exponent) for exponent in (0, 3, -6, 12)] == ["", "10³", "10⁻⁶", "10¹²"]


@pytest.mark.parametrize("text", ["", "many", "NaN", "-Infinity", "1,5"])
def test_exact_says_what_is_no_number(text):
    with pytest.raises(ValueError, match="not a number"):
        exact(text)
