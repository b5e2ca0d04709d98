"""Usage that was measured and is on no bill, by cause."""

from collections.abc import Mapping

from billflow.billing.rating import NO_CHARGE, NO_CONDITION, NO_PRICE
from billflow.insights.view import View
from billflow.lake.manifest import PublishedPartition
from billflow.lake.published import literal

_CAUSES = (NO_CHARGE, NO_CONDITION, NO_PRICE)

_PERIODS = (
    "SELECT cycle, month, first::DATE AS first, next::DATE AS next FROM (VALUES {}) AS p(cycle, month, first, next)"
)


def leakage(partitions: Mapping[str, PublishedPartition]) -> View:
    """The view `leakage` over the published periods."""
    return View(
        name="leakage",
        about="Usage that was measured and is on no bill: what no charge prices, what is in quarantine, what is held",
        columns={
            "cycle": "NULL where the usage belongs to no known account and time",
            "month": "NULL where the usage belongs to no known account and time",
            "metric": "NULL where the row was refused before it was read as usage",
            "cause": "why no charge prices it; the rules that refused it; `held: ` and the rule that holds the account",
            "events": "usage records",
            "quantity": "what they measured, added up; NULL where the row was refused before it was read as usage",
            "accounts": "accounts concerned, where they are known",
            "subscriptions": "subscriptions concerned, where they are known",
        },
        rows=f"""
WITH unrated AS (
    SELECT cycle, month, "key" AS usage_id, row->>'system' AS system, row->>'account_id' AS account_id,
        row->>'subscription_id' AS subscription_id, row->>'metric' AS metric,
        (row->>'quantity')::DECIMAL(38, 12) AS quantity, {_cause()} AS cause
    FROM quarantine WHERE "table" = 'usage' AND list_contains(rules, 'unrated')
), refused AS (
    SELECT cycle, month, array_to_string(rules, ', ') AS cause
    FROM quarantine WHERE "table" = 'usage' AND NOT list_contains(rules, 'unrated')
), held_once AS (
    SELECT system, account_id, cycle, month, min(rule) AS rule FROM held WHERE rule <> 'document_failed' GROUP BY ALL
), kept_back AS (
    SELECT periods.cycle, periods.month, usage.usage_id, usage.system, usage.account_id, usage.subscription_id,
        usage.metric, usage.quantity, 'held: ' || held_once.rule AS cause
    FROM held_once
        JOIN ({_periods(partitions)}) AS periods USING (cycle, month)
        JOIN usage ON usage.system = held_once.system AND usage.account_id = held_once.account_id
            AND usage.local_time::DATE >= periods.first AND usage.local_time::DATE < periods.next
        ANTI JOIN unrated ON unrated.system = usage.system AND unrated.usage_id = usage.usage_id
)
SELECT cycle, month, metric, cause, count(*) AS events, sum(quantity) AS quantity,
    count(DISTINCT (system, account_id)) FILTER (account_id IS NOT NULL) AS accounts,
    count(DISTINCT (system, subscription_id)) FILTER (subscription_id IS NOT NULL) AS subscriptions
FROM (SELECT * FROM unrated UNION ALL BY NAME SELECT * FROM refused UNION ALL BY NAME SELECT * FROM kept_back)
GROUP BY cycle, month, metric, cause""",
    )


def _cause() -> str:
    # The longest first, so that a cause that begins like another one is not taken for it.
    known = sorted(_CAUSES, key=len, reverse=True)
    cases = " ".join(f"WHEN starts_with(reason, {literal(cause)}) THEN {literal(cause)}" for cause in known)
    return f"CASE {cases} ELSE 'unrated' END"


def _periods(partitions: Mapping[str, PublishedPartition]) -> str:
    """A row for each published period, since usage itself does not say which one it is of."""
    rows = [
        f"({', '.join(literal(part) for part in (*key.split('|'), one.period_start, one.period_end))})"
        for key, one in sorted(partitions.items())
    ]
    return _PERIODS.format(", ".join(rows) or "(NULL, NULL, NULL, NULL)")
