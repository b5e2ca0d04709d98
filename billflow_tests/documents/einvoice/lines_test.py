from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billflow.documents.einvoice.lines import UNIT_CODES, invoice_line, period_of, plain
from billflow.documents.einvoice.terms import Period
from billflow_tests.documents.einvoice.bills import line

JANUARY = Period("2013-01-01", "2013-01-31")


def converted(*figures, credit=False, unit_codes=UNIT_CODES, **parts):
    quantity, unit, unit_price, net = figures
    payload = {**line(7, ("Energie", quantity, unit, unit_price, net, "S", "0.1900")), **parts}
    return invoice_line(payload, credit=credit, unit_codes=unit_codes, within=JANUARY)


@pytest.mark.parametrize(
    ("figures", "credit", "expected"),
    [
        (("187.500000000000", "kWh", "0.310000000000", "58.1300"), False, ("187.5", "KWH", "0.31", "58.13", None)),
        (("-31", "day", "1.2", "-37.2000"), True, ("31", "DAY", "1.2", "37.2", None)),
        (("2", "kWh", "0.31", "0.6200"), True, ("-2", "KWH", "0.31", "-0.62", None)),
        (("1", None, "-2.91", "-2.9100"), False, ("-1", "C62", "2.91", "-2.91", None)),
        (("1", None, "-2.91", "-2.9100"), True, ("1", "C62", "2.91", "2.91", None)),
        (("-4", None, "-2.50", "10.0000"), False, ("4", "C62", "2.5", "10", None)),
        (("0E-12", "kWh", "0.31", "0.0000"), False, ("0", "KWH", "0.31", "0", None)),
        # Peppol's slack of 0.02 to both sides, and a cent beyond.
        (("10", "kWh", "1", "10.0200"), False, ("10", "KWH", "1", "10.02", None)),
        (("10", "kWh", "1", "9.9800"), False, ("10", "KWH", "1", "9.98", None)),
        (("10", "kWh", "1", "10.0300"), False, ("1", "C62", "10.03", "10.03", "10 kWh × 1")),
        (("10", "kWh", "1", "9.9700"), False, ("1", "C62", "9.97", "9.97", "10 kWh × 1")),
        # A minimum, a proration, and the difference of tiers, which goes down while the quantity goes up.
        (("0.000", "kWh", "0.31", "41.8700"), False, ("1", "C62", "41.87", "41.87", "0 kWh × 0.31")),
        (("1", "month", "100", "54.8400"), False, ("1", "C62", "54.84", "54.84", "1 month × 100")),
        (("1", None, "5", "-70.0000"), False, ("-1", "C62", "70", "-70", "1 × 5")),
        (("1", None, "5", "-70.0000"), True, ("1", "C62", "70", "70", "1 × 5")),
        # More digits than a Decimal context has by default are not rounded.
        (
            ("12345678901234567890123456.123456789012", "kWh", "0", "0.0000"),
            False,
            ("12345678901234567890123456.123456789012", "KWH", "0", "0", None),
        ),
    ],
)
def test_invoice_line_quantity_price_and_note(figures, credit, expected):
    found = converted(*figures, credit=credit)
    assert (plain(found.quantity), found.unit_code, plain(found.price), plain(found.net), found.note) == expected


FACTORS = st.decimals(-(10**14), 10**14, places=12)


@given(FACTORS, FACTORS, st.decimals(-(10**14), 10**14, places=2), st.booleans())
def test_invoice_line_is_quantity_times_price(quantity, price, net, credit):
    """PEPPOL-EN16931-R120 and BR-27, whatever was billed; the net stays as it is, but for a credit note's sign."""
    found = converted(f"{quantity:f}", "kWh", f"{price:f}", f"{net:f}", credit=credit)
    assert abs(found.quantity * found.price - found.net) <= Decimal("0.02")
    assert found.price >= 0
    assert found.net == (-net if credit else net)
    assert found.note is None or {plain(quantity), "kWh", plain(price)} <= set(found.note.split())


@pytest.mark.parametrize(
    ("unit", "code"),
    [
        ("kWh", "KWH"), ("kW", "KWT"), ("day", "DAY"), ("days", "DAY"), ("month", "MON"), ("min", "MIN"), ("s", "SEC"),
        ("sec", "SEC"), ("h", "HUR"), ("MB", "4L"), ("GB", "E34"), ("TB", "E35"), ("m3", "MTQ"), ("piece", "C62"),
        (None, "C62"), ("", "C62"), ("SMS", "C62"),
    ],
)  # fmt: skip
def test_invoice_line_unit_code(unit, code):
    assert converted("1", unit, "1", "1.0000").unit_code == code


def test_invoice_line_unit_code_of_a_projects_own():
    assert converted("1", "Therm", "1", "1.0000", unit_codes={**UNIT_CODES, "therm": "N72"}).unit_code == "N72"


@pytest.mark.parametrize(
    ("start", "end", "period", "note"),
    [
        ("2013-01-01", "2013-02-01", JANUARY, None),
        ("2013-01-31", "2013-02-01", Period("2013-01-31", "2013-01-31"), None),
        ("2013-01-15", "2013-02-02", None, "2013-01-15 – 2013-02-01"),
        ("2012-12-31", "2013-01-02", None, "2012-12-31 – 2013-01-01"),
        (None, None, None, None),
    ],
)
def test_invoice_line_period(start, end, period, note):
    found = converted("1", None, "1", "1.0000", period_start=start, period_end=end)
    assert (found.period, found.note) == (period, note)


def test_invoice_line_notes_both_figures_and_period():
    found = converted("1", "month", "100", "54.8400", period_start="2013-02-01", period_end="2013-03-01")
    assert found.note == "1 month × 100; 2013-02-01 – 2013-02-28"


def test_invoice_line_of_a_section_without_description():
    assert converted("1", None, "1", "1.0000", description=None).name == "Strom"


def test_invoice_line_rate_is_a_percentage():
    assert converted("1", None, "1", "1.0000").percent == Decimal(19)


@pytest.mark.parametrize(
    ("start", "end", "period"),
    [
        ("2012-02-01", "2012-03-01", Period("2012-02-01", "2012-02-29")),
        ("2013-01-05", "2013-01-05", Period("2013-01-05", "2013-01-05")),
        (None, None, None),
    ],
)
def test_period_of(start, end, period):
    assert period_of(start, end) == period


@pytest.mark.parametrize(
    ("number", "text"),
    [("1.500", "1.5"), ("100", "100"), ("100.000", "100"), ("-0.00", "0"), ("1E+3", "1000"), ("0E-12", "0")],
)
def test_plain(number, text):
    assert plain(Decimal(number)) == text
