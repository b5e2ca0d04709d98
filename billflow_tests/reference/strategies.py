"""Random prices, usage and accounts for the laws of the reference rater."""

from itertools import accumulate

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from billflow_tests.reference.scenarios import (
    catalog_of,
    flat,
    graduated,
    graduated_percentage,
    held,
    matrix,
    package,
    per_unit,
    percentage,
    used,
    volume,
)

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


def events(some_readings, *, metrics=("units", "kw", "calls", "level", "devices"), subscription_id="s"):
    return [
        used(
            str(quantity),
            at(minute),
            metric=metric,
            usage_id=f"{subscription_id}-{number}-{metric}",
            subscription_id=subscription_id,
            area=("eu", "us", "jp")[number % 3],
            device=str(minute % 3),
        )
        for number, (minute, quantity) in enumerate(some_readings)
        for metric in metrics
    ]


@st.composite
def bounds(draw):
    """A minimum, a maximum, both or none."""
    lower, upper = sorted(draw(st.tuples(prices, prices)))
    written = {"minimum": str(lower), "maximum": str(upper)}
    return {name: written[name] for name in draw(st.sets(st.sampled_from(sorted(written))))}


rates = st.decimals("0", "1", places=4)


@st.composite
def rate_tiers(draw):
    steps = draw(st.lists(st.decimals("0.001", "100", places=3), max_size=2))
    return [(bound, str(draw(rates)), str(draw(prices))) for bound in [*map(str, accumulate(steps)), None]]


@st.composite
def any_model(draw):
    """One charge of any model for the metric `units`, with any options that go with it."""
    options = draw(bounds())
    options |= draw(st.sampled_from([{}, {"included": "50"}, {"included": "50", "pool": "account"}]))
    options |= draw(st.sampled_from([{}, {"convert": {"divide_by": 7, "round": "up"}}, {"convert": {"divide_by": 3}}]))
    options |= draw(st.sampled_from([{}, {"increments": {"first": 30, "then": 6}}]))
    options["tax"] = draw(st.sampled_from(["gst", "high", "none"]))
    bounded = {key: value for key, value in options.items() if key not in ("pool", "convert")}
    by_area = [(str(draw(prices)), {"area": "eu"}), (str(draw(prices)), {"area": ["us", "jp"]})]
    return draw(
        st.sampled_from(
            [
                per_unit(str(draw(prices)), **options),
                graduated(*draw(tier_lists()), **options),
                volume(*draw(tier_lists()), **options),
                package("7", str(draw(prices)), **options),
                percentage(str(draw(rates)), fixed_fee="0.35", free_events=2, **options),
                percentage(str(draw(rates)), fixed_fee="0.35", free_events=1, event_maximum="9", **bounded),
                graduated_percentage(*draw(rate_tiers()), **options),
                matrix(*by_area, default="0.1", **options),
            ]
        )
    )


@st.composite
def any_catalogs(draw, *, gross=st.booleans(), has_minimum=st.booleans()):  # noqa: B008 - a description, not a value
    """Several charges of any model; discounts of charges and of the bill; bounds of plan and bill; gross prices."""
    charges = {f"c{number}": draw(any_model()) for number in range(draw(st.integers(1, 3)))}
    charges["level"] = per_unit(str(draw(prices)), metric="level", tax="gst")
    charges["devices"] = per_unit(str(draw(prices)), metric="devices", tax="none")
    plan = {"charges": charges, "prices_include_tax": draw(gross), **draw(bounds())}
    net_plan = {"charges": {"fee": flat(str(draw(amounts)), tax="gst")}}
    discounts = {
        "off": {"percent": str(draw(st.integers(1, 100)))},
        "less": {"amount": str(draw(st.integers(1, 500)))},
        "all": {"percent": str(draw(st.integers(1, 100))), "applies_to": "invoice"},
        "last": {"amount": str(draw(st.integers(1, 500))), "applies_to": "invoice"},
    }
    minimum = {"minimum": str(draw(prices))} if draw(has_minimum) else {}
    return catalog_of(plans={"p": plan, "n": net_plan}, discounts=discounts, invoice=minimum)


codes = st.sets(st.sampled_from(["off", "less", "all", "last"]))


@st.composite
def accounts(draw):
    """(rows, usage): a subscription that changes within the month, one that does not, and one of another plan."""
    rows = [
        held(end="2013-01-14", discounts=sorted(draw(codes))),
        held(start="2013-01-14", discounts=sorted(draw(codes))),
        held(subscription_id="t", start="2013-01-08"),
    ]
    rows += [held("n", subscription_id="u")] * draw(st.integers(0, 1))
    return rows, [*events(draw(readings)), *events(draw(readings), subscription_id="t")]


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


@st.composite
def summing_models(draw):
    """Models whose amount depends on the sum alone."""
    options = draw(st.sampled_from([{}, {"included": "50"}, {"included": "50", "pool": "account"}]))
    options |= draw(st.sampled_from([{}, {"convert": {"divide_by": 7, "round": "up"}}]))
    return draw(
        st.sampled_from(
            [
                per_unit(str(draw(prices)), **options),
                graduated(*draw(tier_lists()), **options),
                volume(*draw(tier_lists()), **options),
                package("7", str(draw(prices)), **options),
                percentage(str(draw(rates)), **options),
                graduated_percentage(*draw(rate_tiers()), **options),
                matrix((str(draw(prices)), {"area": "eu"}), default="0.1", **options),
            ]
        )
    )
