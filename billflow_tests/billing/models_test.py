"""Every price model and option of PRICING.md §1–§4 with its figures, through the Spark rating: all accounts in one job."""

from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest

from billflow_tests.billing.worlds import World, catalog

VOLUME_FEES = [
    {"up_to": "100", "unit_price": "2", "flat_fee": "10"},
    {"up_to": "200", "unit_price": "1"},
    {"unit_price": "0.5", "flat_fee": "50"},
]
VOLUME_FLAT = [
    {"up_to": "5", "flat_fee": "100"},
    {"up_to": "10", "flat_fee": "150"},
    {"up_to": "15", "unit_price": "10"},
    {"unit_price": "5"},
]
SHARES = [
    {"up_to": "10", "rate": "0.01", "flat_fee": "200"},
    {"up_to": "20", "rate": "0.02", "flat_fee": "300"},
    {"rate": "0.03", "flat_fee": "400"},
]
ROAMING = {
    "dimensions": ["country", "network"],
    "prices": [
        {"when": {"country": "FR"}, "unit_price": "0.02"},
        {"when": {"country": ["US", "CA"], "network": "5g"}, "unit_price": "0.09"},
        {"when": {"country": "FR", "network": "5g"}, "unit_price": "0.03"},
    ],
}


def one(model: str, metric: str = "kwh", **more) -> dict:
    return {"c": {"model": model, "metric": metric, "tax": "none", **more}}


PLANS = {
    "volume": one("volume", tiers=VOLUME_FEES),
    "volume_flat": one("volume", tiers=VOLUME_FLAT),
    "package": one("package", size="10", price="100"),
    "package_10": one("package", size="10", price="100", included="10"),
    "package_200": one("package", size="10", price="100", included="200"),
    "shares": one("graduated_percentage", tiers=SHARES),
    "share": one("percentage", rate="0.013", fixed_fee="2", included="250", free_events=1),
    "plain": one("percentage", rate="0.0299"),
    "each": one("percentage", rate="0.0299", event_minimum="1.75", event_maximum="12"),
    "each_fee": one("percentage", rate="0.0299", fixed_fee="2", event_minimum="1.75", event_maximum="12"),
    "each_free": one("percentage", rate="0.1", included="15", free_events=1, event_minimum="1.75", event_maximum="12"),
    "up": one("per_unit", unit_price="1", convert={"divide_by": "1000", "round": "up"}),
    "down": one("per_unit", unit_price="1", convert={"divide_by": "1000", "round": "down"}),
    "half_up": one("per_unit", unit_price="1", convert={"divide_by": "1000", "round": "half_up"}),
    "exact": one("per_unit", unit_price="1", convert={"divide_by": "1000"}),
    "converted": one("per_unit", unit_price="1", convert={"divide_by": "1000", "round": "up"}, included="0.5"),
    "calls": one("per_unit", unit_price="0.006", increments={"first": "30", "then": "6"}, convert={"divide_by": "60"}),
    "steps": one("per_unit", unit_price="1", increments={"first": "20", "then": "6"}),
    "thirds": one("per_unit", unit_price="0.015", convert={"divide_by": "3"}),
    "devices": one("per_unit", "devices", unit_price="1"),
    "level": one("per_unit", "level", unit_price="1"),
    "capped": one("per_unit", unit_price="10", maximum="100"),
    "floor": one("per_unit", unit_price="1", minimum="1000.00"),
    "half_off": {**one("per_unit", unit_price="10", maximum="100")},
    "roaming": one("matrix", **ROAMING, default="0.15"),
    "matrix_free": one("matrix", **ROAMING, default="0.15", included="100"),
    "pooled": one("per_unit", unit_price="1", included="10", pool="account"),
}

H = "2026-01-10 "
CASES = [
    ("volume", [], "10"),
    *[
        ("volume", [(q,)], n)
        for q, n in [
            ("1", "12"),
            ("100", "210"),
            ("100.5", "100.50"),
            ("101", "101"),
            ("200", "200"),
            ("210", "155"),
            ("300", "200"),
        ]
    ],
    *[("volume_flat", [(q,)], n) for q, n in [("14", "140"), ("15", "150"), ("16", "80"), ("100", "500")]],
    ("package", [("121",)], "1300"),
    ("package_10", [("121",)], "1200"),
    ("package_200", [("121",)], "0"),
    ("shares", [("11",)], "500.12"),
    ("shares", [("21",)], "900.33"),
    ("share", [("500",), ("200",), ("100",)], "11.15"),
    ("plain", [("10",), ("80",), ("10000",)], "301.69"),
    ("each", [("10",), ("80",), ("10000",)], "16.14"),
    ("each_fee", [("10",), ("80",), ("10000",)], "18.69"),
    # 10 of 15 included are used by the free event, 5 by the next: 25 × 10 % = 2.50, then 12 at most
    ("each_free", [("10", H + "08:00"), ("30", H + "09:00"), ("1000", H + "10:00")], "14.50"),
    ("up", [("1400",)], "2"),
    ("half_up", [("1500",)], "2"),
    ("half_up", [("1400",)], "1"),
    ("down", [("1999",)], "1"),
    ("exact", [("1400",)], "1.40"),
    ("converted", [("1400",)], "1.50"),
    ("calls", [("32",)], "0.00"),
    ("calls", [("32",)] * 1000, "3.60"),
    ("calls", [("57",)] * 1000, "6.00"),
    ("calls", [("75",)] * 1000, "7.80"),
    ("steps", [("33",)], "38"),
    ("steps", [("0",)], "0"),
    ("steps", [("20",), ("20.5",)], "46"),
    ("thirds", [("1",)], "0.01"),
    ("capped", [("9",)], "90"),
    ("capped", [("20",)], "100"),
    ("floor", [("800",)], "1000"),
    ("floor", [], "1000"),
]


def world() -> World:
    made = World(
        catalog(
            PLANS,
            metrics={
                "kwh": {"aggregate": "sum"},
                "devices": {"aggregate": "unique", "of": "device"},
                "level": {"aggregate": "latest"},
            },
            discounts={"half": {"percent": "50"}},
        )
    )
    for number, (plan, events, _) in enumerate(CASES):
        made.subscribe(f"a{number}", plan)
        for event in events:
            made.use(f"a{number}", event[0], "kwh", event[1] if len(event) > 1 else H + "12:00")
    return made


@pytest.fixture(scope="module")
def lines(spark):
    made = world()
    for device in ("x", "y", "x", None):
        made.subscribe("devices", "devices") if "devices" not in {a["account_id"] for a in made.accounts} else None
        made.use("devices", "5", "devices", H + "12:00", **({"device": device} if device else {}))
    made.subscribe("level", "level")
    for at, quantity in [("08:00", "9"), ("20:00", "4"), ("12:00", "7")]:
        made.use("level", quantity, "level", H + at)
    made.subscribe("roaming", "roaming")
    made.subscribe("matrix_free", "matrix_free")
    for account in ("roaming", "matrix_free"):
        made.use(account, "100", at=H + "08:00", country="FR", network="4g")
        made.use(account, "10", at=H + "09:00", country="CA", network="5g")
        made.use(account, "10", at=H + "07:00", country="CA", network="4g")
        made.use(account, "20", at=H + "10:00", country="FR", network="5g")
    made.subscribe("half", "half_off", discounts=["half"], end_date=date(2026, 1, 15))
    made.subscribe("half", "half_off", discounts=["half"], start_date=date(2026, 1, 15))
    made.use("half", "7", at="2026-01-02 12:00")
    made.use("half", "20", at="2026-01-20 12:00")
    made.subscribe("late_floor", "floor", start_date=date(2026, 1, 11))
    made.use("late_floor", "600", at="2026-01-20 12:00")
    for sub, until in (("s1", date(2026, 2, 1)), ("s2", date(2026, 1, 16))):
        made.subscribe("pooled", "pooled", subscription_id=sub, end_date=until)
    for sub, quantity, hour in (("s1", "8", "08"), ("s2", "4", "09"), ("s2", "4", "07"), ("s1", "1", "10")):
        made.use("pooled", quantity, at=f"{H}{hour}:00", subscription_id=sub)
    found = defaultdict(list)
    for row in made.lines(spark).orderBy("account_id", "line_no").collect():
        found[row["account_id"]].append(row)
    return found


@pytest.mark.parametrize(
    ("number", "case"), list(enumerate(CASES)), ids=[f"{p} {[e[0] for e in v][:3]}" for p, v, _ in CASES]
)
def test_net(lines, number, case):
    assert sum(row["net"] for row in lines[f"a{number}"]) == Decimal(case[2])


def described(rows) -> list[tuple[str, str, str]]:
    return [
        tuple(f"{row[name]:f}".rstrip("0").rstrip(".") for name in ("quantity", "unit_price", "net")) for row in rows
    ]


def test_unique_counts_values_once(lines):
    assert described(lines["devices"]) == [("2", "1", "2")]
    assert lines["devices"][0]["usage_count"] == 4


def test_latest_is_the_last_in_time(lines):
    assert described(lines["level"]) == [("4", "1", "4")]


def test_matrix_prints_a_line_a_price(lines):
    assert described(lines["roaming"]) == [
        ("100", "0.02", "2"),
        ("10", "0.09", "0.9"),
        ("20", "0.03", "0.6"),
        ("10", "0.15", "1.5"),
    ]
    assert [row["usage_count"] for row in lines["roaming"]] == [4, 0, 0, 0]


def test_what_a_matrix_includes_is_used_up_in_order_of_time(lines):
    # 10 (other) and 90 of the 100 in FR are free; 10 + 10 + 20 are not
    assert described(lines["matrix_free"]) == [("10", "0.02", "0.2"), ("10", "0.09", "0.9"), ("20", "0.03", "0.6")]


def test_a_maximum_counts_what_was_billed_before_in_the_period(lines):
    # 70 less 50 % is 35; 200 less 50 % is 100, of which 65 are left under the cap of 100
    assert [(row["line_type"], row["net"]) for row in lines["half"]] == [
        ("units", Decimal(70)),
        ("percent_off", Decimal(-35)),
        ("units", Decimal(200)),
        ("percent_off", Decimal(-100)),
        ("maximum", Decimal(-35)),
    ]


def test_a_minimum_is_cut_to_the_days_of_service(lines):
    # 1000 × 21/31 = 677.42
    assert described(lines["late_floor"]) == [("600", "1", "600"), ("1", "77.42", "77.42")]


def test_a_pool_is_shared_in_order_of_use(lines):
    # 10 + 10 × 15/31 are included. In order: s2 4, s1 8, s2 4 of which 14.8387… − 12 = 2.8387… are free, s1 1
    assert [(row["subscription_id"], row["net"]) for row in lines["pooled"]] == [
        ("s1", Decimal("1.00")),
        ("s2", Decimal("1.16")),
    ]
