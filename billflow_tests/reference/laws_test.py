"""Laws that hold for any prices and any usage (PRICING §1, §2, §3)."""

from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from billflow.catalog import GraduatedCharge
from billflow.reference.pricing import usage_parts
from billflow.reference.rounding import rounded
from billflow_tests.reference.scenarios import billed, catalog_of, flat, graduated, held, per_unit, used

HALF_CENT = Fraction(1, 200)

# A busy machine must not fail a law.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

prices = st.decimals("0", "1000", places=6)
amounts = st.decimals("-5000", "5000", places=4)
quantities = st.decimals("0", "500", places=3)
minutes = st.integers(0, 31 * 24 * 60 - 1)
readings = st.lists(st.tuples(minutes, quantities), max_size=8)


@st.composite
def tier_lists(draw, *, fees=True):
    steps = draw(st.lists(st.decimals("0.001", "100", places=3), max_size=3))
    bounds = [*map(str, accumulate(steps)), None]
    fee = prices if fees else st.none()
    return [(bound, str(draw(prices)), _text(draw(fee))) for bound in bounds]


def _text(number):
    return None if number is None else str(number)


def at(minute):
    day, rest = divmod(minute, 24 * 60)
    return f"2013-01-{day + 1:02}T{rest // 60:02}:{rest % 60:02}"


def events(some_readings):
    return [
        used(str(quantity), at(minute), metric=metric, usage_id=f"{number}-{metric}")
        for number, (minute, quantity) in enumerate(some_readings)
        for metric in ("units", "kw", "calls")
    ]


@st.composite
def catalogs(draw):
    charges = {
        "rent": flat(str(draw(amounts)), tax="gst", per=draw(st.sampled_from(["day", "month", "year"]))),
        "peak": graduated(*draw(tier_lists()), where={"tou": "peak"}, tax="high"),
        "rest": per_unit(str(draw(prices)), where={"tou": "rest"}, tax="gst", valid_from="2013-01-15"),
        "demand": per_unit(str(draw(prices)), metric="kw"),
        "calls": per_unit(str(draw(prices)), metric="calls"),
    }
    calendar = {"peak": {"days": "mon-fri", "hours": "22-9"}, "rest": {}}
    off = {"off": {"percent": str(draw(st.integers(1, 100)))}}
    return catalog_of(charges, calendars={"tou": calendar}, discounts=off)


def exact(tiers, quantity):
    """The amount before rounding."""
    charge = GraduatedCharge.model_validate({**graduated(*tiers), "tax": "none"})
    return sum((part.amount for part in usage_parts(charge, Fraction(quantity))), Fraction(0))


@unhurried
@given(catalogs(), readings, st.randoms(use_true_random=False))
def test_order_of_events_does_not_matter(catalog, some_readings, random):
    usage = events(some_readings)
    shuffled = random.sample(usage, len(usage))
    assert billed(catalog, *usage) == billed(catalog, *shuffled)


@unhurried
@given(tier_lists(), st.lists(quantities, min_size=1, max_size=6))
def test_splitting_a_quantity_into_events_leaves_the_amounts(tiers, parts):
    catalog = catalog_of({"c": graduated(*tiers)})
    split = [used(str(part), at(number)) for number, part in enumerate(parts)]
    whole = billed(catalog, used(str(sum(parts))))
    assert [line.net for line in billed(catalog, *split).lines] == [line.net for line in whole.lines]


@unhurried
@given(tier_lists(), quantities, quantities)
def test_graduated_never_falls(tiers, one, other):
    assert exact(tiers, min(one, other)) <= exact(tiers, max(one, other))


@unhurried
@given(tier_lists(fees=False), quantities, st.decimals("0", "0.01", places=6))
def test_graduated_has_no_jump_without_fees(tiers, quantity, step):
    dearest = max(Fraction(price) for _, price, _ in tiers)
    assert exact(tiers, quantity + step) - exact(tiers, quantity) <= dearest * Fraction(step)


@unhurried
@given(tier_lists(), st.data())
def test_graduated_jumps_at_a_bound_by_the_fee_of_the_tier_entered(tiers, draws):
    assume(len(tiers) > 1)
    entered = draws.draw(st.integers(1, len(tiers) - 1))
    bound, (_, price, fee) = Decimal(tiers[entered - 1][0]), tiers[entered]
    step = Fraction(1, 10**9)
    assert exact(tiers, Fraction(bound) + step) - exact(tiers, bound) == Fraction(fee) + step * Fraction(price)


@unhurried
@given(catalogs(), readings, st.booleans())
def test_sums_hold(catalog, some_readings, off):
    bill = billed(catalog, *events(some_readings), subscriptions=[held(quantity="3", discounts=["off"] * off)])
    assume(bill)
    assert sum(line.net for line in bill.lines) == bill.net == sum(group.base for group in bill.taxes)
    assert sum(group.tax for group in bill.taxes) == bill.tax
    assert bill.total == bill.net + bill.tax
    assert (bill.kind == "credit_note") == (bill.total < 0)


@unhurried
@given(catalogs(), readings)
def test_every_line_follows_from_its_quantity_and_unit_price(catalog, some_readings):
    bill = billed(catalog, *events(some_readings))
    for line in bill.lines if bill else ():
        gap = abs(Fraction(line.quantity) * Fraction(line.unit_price) - Fraction(line.net))
        assert gap <= HALF_CENT + abs(Fraction(line.net)) / 10**9


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


@unhurried
@given(st.fractions(), st.integers(0, 12))
def test_rounding_is_symmetric_and_off_by_half_a_unit_at_most(value, digits):
    result = Fraction(rounded(value, digits))
    assert result == -Fraction(rounded(-value, digits))
    assert abs(result - value) * 10**digits <= Fraction(1, 2)


@unhurried
@given(st.integers(), st.integers(0, 12))
def test_halves_round_away_from_zero(units, digits):
    half = (Fraction(units) + Fraction(1 if units >= 0 else -1, 2)) / 10**digits
    assert Fraction(rounded(half, digits)) * 10**digits == (units + 1 if units >= 0 else units - 1)
