"""Laws of price models, pools and rounding, for any prices and any usage (PRICING §1, §2, §3)."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from billflow.catalog import GraduatedCharge
from billflow.reference.pricing import usage_parts
from billflow.reference.rounding import rounded
from billflow_tests.reference.scenarios import (
    billed,
    catalog_of,
    graduated,
    held,
    per_unit,
    percentage,
    used,
)
from billflow_tests.reference.strategies import (
    at,
    bounds,
    events,
    quantities,
    rates,
    readings,
    summing_models,
    tier_lists,
    unhurried,
)

HALF_CENT = Fraction(1, 200)


def exact(tiers, quantity):
    """The amount before rounding."""
    charge = GraduatedCharge.model_validate({**graduated(*tiers), "tax": "none"})
    return sum((part.amount for part in usage_parts(charge, Fraction(quantity))), Fraction(0))


@unhurried
@given(summing_models(), st.lists(quantities, min_size=1, max_size=6))
def test_splitting_a_quantity_leaves_the_amounts_of_every_summing_model(charge, parts):
    catalog = catalog_of({"c": charge})
    split = [used(str(part), at(number), area="eu") for number, part in enumerate(parts)]
    whole = billed(catalog, used(str(sum(parts)), area="eu"))
    assert [line.net for line in billed(catalog, *split).lines] == [line.net for line in whole.lines]


@unhurried
@given(readings, readings, st.integers(0, 1000))
def test_a_pool_bills_what_is_beyond_the_sum_of_its_allowances(of_s, of_t, included):
    catalog = catalog_of({"c": per_unit("1", included=included, pool="account")})
    rows = [held(subscription_id="s"), held(subscription_id="t")]
    usage = [*events(of_s, metrics=["units"]), *events(of_t, metrics=["units"], subscription_id="t")]
    bill = billed(catalog, *usage, subscriptions=rows)
    beyond = sum(line.quantity for line in bill.lines) if bill else 0
    assert beyond == max(0, sum(one.quantity for one in usage) - 2 * included)


@unhurried
@given(readings, rates, st.integers(0, 3), bounds())
def test_bounded_events_cost_between_their_bounds(some_readings, rate, free, limits):
    assume(limits)
    written = {f"event_{name}": amount for name, amount in limits.items()}
    charge = percentage(str(rate), fixed_fee="0.35", free_events=free, **written)
    bill = billed(catalog_of({"c": charge}), *events(some_readings, metrics=["units"]))
    paid, net = max(0, len(some_readings) - free), Fraction(bill.net if bill else 0)
    assert net >= paid * Fraction(limits.get("minimum", 0)) - HALF_CENT
    assert "maximum" not in limits or net <= paid * Fraction(limits["maximum"]) + HALF_CENT


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
