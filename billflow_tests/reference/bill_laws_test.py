"""Laws that hold for any bill, whatever its prices and usage (PRICING §1, §3, §5)."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from billflow.reference.rounding import rounded
from billflow.reference.spreading import spread
from billflow_tests.reference.scenarios import (
    adjusted,
    billed,
    billed_family,
    catalog_of,
    held,
    member,
    per_unit,
)
from billflow_tests.reference.strategies import (
    accounts,
    amounts,
    any_catalogs,
    catalogs,
    events,
    readings,
    unhurried,
)

HALF_CENT = Fraction(1, 200)


@unhurried
@given(catalogs(), readings, st.randoms(use_true_random=False))
def test_order_of_events_does_not_matter(catalog, some_readings, random):
    usage = events(some_readings)
    shuffled = random.sample(usage, len(usage))
    assert billed(catalog, *usage) == billed(catalog, *shuffled)


@unhurried
@given(any_catalogs(), accounts(), st.randoms(use_true_random=False))
def test_order_of_events_and_rows_does_not_matter_for_any_model(catalog, account, random):
    rows, usage = account
    shuffled = random.sample(usage, len(usage))
    bill = billed(catalog, *usage, subscriptions=rows)
    assert bill == billed(catalog, *shuffled, subscriptions=random.sample(rows, len(rows)))


@unhurried
@given(any_catalogs(), accounts(), accounts(), st.randoms(use_true_random=False))
def test_order_of_members_does_not_matter(catalog, one, other, random):
    family = [
        member("a"),
        *(member(name, *usage, subscriptions=rows) for name, (rows, usage) in (("b", one), ("c", other))),
    ]
    shuffled = [family[0], *random.sample(family[1:], 2)]
    assert billed_family(catalog, *family) == billed_family(catalog, *shuffled)


@unhurried
@given(readings, st.integers(0, 900), st.integers(0, 900))
def test_rows_of_a_period_never_exceed_its_maximum_or_discount(some_readings, maximum, amount):
    charges = {"c": per_unit("1", maximum=str(maximum)), "d": per_unit("1")}
    catalog = catalog_of(charges, discounts={"less": {"amount": str(amount + 1), "applies_to": "d"}})
    rows = [held(end="2013-01-14", discounts=["less"]), held(start="2013-01-14", discounts=["less"])]
    bill = billed(catalog, *events(some_readings, metrics=["units"]), subscriptions=rows)
    total = rounded(sum((Fraction(quantity) for _, quantity in some_readings), Fraction(0)), 3)
    net = {code: sum(line.net for line in (bill.lines if bill else ()) if line.charge == code) for code in ("c", "d")}
    cent = Decimal("0.01")
    assert abs(net["c"] - min(total, maximum)) <= cent
    assert abs(net["d"] - max(0, total - amount - 1)) <= cent


@unhurried
@given(
    st.integers(-(10**9), 10**9),
    st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=9),
    st.integers(0, 3),
)
def test_parts_of_an_amount_sum_to_it(units, weights, digits):
    amount = Fraction(units, 10**digits)
    parts = spread(amount, [Fraction(weight) for weight in weights], digits)
    assert sum(parts) == amount
    assert all(part * 10**digits == int(part * 10**digits) for part in parts)
    total = sum(weights)
    for part, weight in zip(parts, weights, strict=True) if total else ():
        assert abs(part - amount * weight / total) * 10**digits < 1


@unhurried
@given(catalogs(), readings, st.booleans())
def test_sums_hold(catalog, some_readings, off):
    bill = billed(catalog, *events(some_readings), subscriptions=[held(quantity="3", discounts=["off"] * off)])
    assume(bill)
    assert_sums(bill)


def assert_sums(bill):
    assert sum(line.net for line in bill.lines) == bill.net == sum(group.base for group in bill.taxes)
    assert sum(group.tax for group in bill.taxes) == bill.tax
    assert bill.total == bill.net + bill.tax
    assert (bill.kind == "credit_note") == (bill.total < 0)


def assert_lines_follow(bill, minor_digits=2):
    """The published quantity and price give the net within half a minor unit plus 1e-9 of it."""
    for line in bill.lines if bill else ():
        gap = abs(Fraction(line.quantity) * Fraction(line.unit_price) - Fraction(line.net))
        assert gap <= Fraction(1, 2 * 10**minor_digits) + abs(Fraction(line.net)) / 10**9


@unhurried
@given(any_catalogs(), accounts(), amounts, st.sampled_from([0, 2, 3]))
def test_sums_hold_for_any_bill_and_currency(catalog, account, amount, minor_digits):
    rows, usage = account
    given_back = [adjusted(str(amount), tax="high")]
    bill = billed(catalog, *usage, subscriptions=rows, adjustments=given_back, minor_digits=minor_digits)
    assume(bill)
    assert_sums(bill)
    assert_lines_follow(bill, minor_digits)


@unhurried
@given(any_catalogs(gross=st.just(True)), accounts())
def test_the_total_of_gross_prices_is_their_sum(catalog, account):
    rows, usage = account
    bill = billed(catalog, *usage, subscriptions=[row for row in rows if row.plan == "p"])
    assert (bill.total if bill else 0) == sum(line.gross for line in (bill.lines if bill else ()))


@unhurried
@given(any_catalogs(has_minimum=st.just(True)), accounts())
def test_a_positive_bill_is_not_below_its_minimum(catalog, account):
    rows, usage = account
    bill = billed(catalog, *usage, subscriptions=rows)
    assume(bill)
    amount = sum(line.net if line.gross is None else line.gross for line in bill.lines)
    assert amount < 0 or amount >= rounded(Fraction(catalog.invoice.minimum_of(None)), 2)


@unhurried
@given(catalogs(), readings)
def test_every_line_follows_from_its_quantity_and_unit_price(catalog, some_readings):
    assert_lines_follow(billed(catalog, *events(some_readings)))


@unhurried
@given(catalogs(), readings)
def test_every_event_is_counted_once_for_each_charge_that_prices_it(catalog, some_readings):
    bill = billed(catalog, *events(some_readings))
    peak_or_rest = sum(line.usage_count for line in (bill.lines if bill else ()) if line.charge in ("peak", "rest"))
    unpriced = sum(1 for minute, _ in some_readings if minute < 14 * 24 * 60 and not _is_peak(minute))
    assert peak_or_rest == len(some_readings) - unpriced


def _is_peak(minute):
    day, rest = divmod(minute, 24 * 60)
    # 1 January 2013 was a Tuesday.
    return (day + 1) % 7 < 5 and (rest >= 22 * 60 or rest < 9 * 60)
