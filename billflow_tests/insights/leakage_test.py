"""Every event that was measured and is on no bill has a cause."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from billflow.billing.rating import NO_CHARGE, NO_CONDITION, NO_PRICE
from billflow_tests.insights.tables import Row, lake

MAY = {"cycle": "c01", "month": "2026-05"}
NOWHERE = {"cycle": None, "month": None}


def quarantined(key: str, reason: str, rules: Sequence[str] = ("unrated",), placed: Row = MAY, **row: Any) -> Row:
    event = {"system": "s", "account_id": "A", "subscription_id": "l1", "metric": "mb", **row}
    text = json.dumps({**event, "quantity": 0}).replace('"quantity": 0', '"quantity": 1.100000000000')
    return {"table": "usage", "key": key, "rules": list(rules), "reason": reason, "row": text, **placed}


def event(key: str, account: str, day: str) -> Row:
    place = {"system": "s", "account_id": account, "subscription_id": f"of {account}"}
    return {**place, "usage_id": key, "metric": "mb", "quantity": "2", "local_time": f"{day} 23:59:59"}


def held(account: str, rule: str) -> Row:
    return {"system": "s", "account_id": account, "rule": rule, **MAY}


def test_unrated_usage_by_cause() -> None:
    rows = [
        quarantined("1", f"{NO_CHARGE} mb"),
        quarantined("2", f"{NO_CHARGE} mb", account_id="B", subscription_id="l2"),
        quarantined("3", f"{NO_CONDITION} mb", metric="mb"),
        quarantined("4", f'{NO_PRICE} sms with {{"to":"x"}}', metric="sms"),
        quarantined("5", "a reason of another version"),
        {**quarantined("6", f"{NO_CHARGE} mb"), "table": "customers"},
    ]
    found = lake("2026-05", quarantine=rows).sql("SELECT * FROM leakage ORDER BY cause")
    one = (1, Decimal("1.1"), 1, 1)
    assert sorted(found.fetchall()) == sorted(
        [
            ("c01", "2026-05", "mb", NO_CHARGE, 2, Decimal("2.2"), 2, 2),
            ("c01", "2026-05", "mb", NO_CONDITION, *one),
            ("c01", "2026-05", "sms", NO_PRICE, *one),
            ("c01", "2026-05", "mb", "unrated", *one),
        ]
    )


def test_usage_that_was_refused_has_its_rules_as_cause() -> None:
    rows = [
        quarantined("1", "…", ["outside_subscription"]),
        quarantined("2", "…", ["outside_subscription"]),
        quarantined("3", "…", ["unknown_subscription"], NOWHERE),
        quarantined("4", "…", ["invalid_quantity", "unknown_metric"], NOWHERE),
    ]
    found = lake("2026-05", quarantine=rows).sql("SELECT month, metric, cause, events, quantity, accounts FROM leakage")
    assert sorted(found.fetchall(), key=str) == [
        ("2026-05", None, "outside_subscription", 2, None, 0),
        (None, None, "invalid_quantity, unknown_metric", 1, None, 0),
        (None, None, "unknown_subscription", 1, None, 0),
    ]


def test_usage_of_held_accounts() -> None:
    events = [
        event("1", "H", "2026-05-01"),
        event("2", "H", "2026-05-31"),
        event("another month's", "H", "2026-06-01"),
        event("billed", "A", "2026-05-02"),
        event("only its PDF failed", "D", "2026-05-02"),
        event("counted as unrated", "H", "2026-05-03"),
    ]
    found = lake(
        "2026-05",
        "2026-06",
        usage=events,
        held=[held("H", "no_price"), held("H", "currency"), held("D", "document_failed")],
        quarantine=[quarantined("counted as unrated", f"{NO_CHARGE} mb", account_id="H")],
    ).sql("SELECT cause, events, quantity, accounts, subscriptions FROM leakage ORDER BY cause")
    assert found.fetchall() == [
        ("held: currency", 2, 4, 1, 1),
        (NO_CHARGE, 1, Decimal("1.1"), 1, 1),
    ]
