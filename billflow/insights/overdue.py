"""How long bills have been open on a day, and which level of reminding they have reached.

What is open is what is open now; only the days are counted to the day that is asked for.
"""

from collections.abc import Sequence
from datetime import date

from billflow.dunning import DunningLevel
from billflow.insights.view import View
from billflow.lake.published import literal

_BUCKETS = {
    "not_due": (None, 0),
    "days_1_30": (1, 30),
    "days_31_60": (31, 60),
    "days_61_90": (61, 90),
    "over_90": (91, None),
}
"""Column → the first and last day overdue that it sums."""

_OWED = "SELECT *, coalesce(day - due_date, 0) AS days FROM open_items WHERE open > 0"


def ageing(as_of: date | None) -> View:
    """The view `ageing`, as of a day, and the macro `ageing_on` for any other."""
    sums = ", ".join(f"coalesce(sum(open) FILTER ({_within(*days)}), 0) AS {name}" for name, days in _BUCKETS.items())
    return View(
        name="ageing",
        about="What each account has open, by how long it is overdue on the newest period's end (or ageing_on(day))",
        columns={
            "system": "id space of the account",
            "account_id": "account that got the bills",
            "currency": "currency of the amounts",
            **{name: f"open on bills that are {_said(name)}" for name in _BUCKETS},
            "total": "all that is open on bills",
            "as_of": "day to which the days are counted",
        },
        rows=f"SELECT system, account_id, currency, {sums}, sum(open) AS total, day AS as_of FROM ({_OWED}) "
        "GROUP BY system, account_id, currency",
        macro="ageing_on",
        day=_day(as_of),
    )


def _within(first: int | None, last: int | None) -> str:
    bounds = [f"days >= {first}" if first is not None else "", f"days <= {last}" if last is not None else ""]
    return " AND ".join(bound for bound in bounds if bound)


def _said(bucket: str) -> str:
    first, last = _BUCKETS[bucket]
    if first is None:
        return "not due yet, or due on the day"
    return f"{first} to {last} days overdue" if last else f"more than {first - 1} days overdue"


def _day(day: date | None) -> str:
    return f"DATE '{day}'" if day else "NULL::DATE"


def dunning(levels: Sequence[DunningLevel], as_of: date | None) -> View:
    """The view `dunning`, as of a day, and the macro `dunning_on` for any other."""
    return View(
        name="dunning",
        about="Overdue bills and the level of reminding that each has reached (or dunning_on(day))",
        columns={
            "system": "id space of the account",
            "account_id": "account that got the bill",
            "invoice_id": "id of the bill",
            "invoice_number": "legal number",
            "currency": "currency of open and fee",
            "due_date": "day until which it was to be paid",
            "open": "what is open on it",
            "days_overdue": "days since it was due",
            "level": "highest level reached; 0: overdue, but none yet",
            "name": "name of the level",
            "fee": "fee of the level; 0 without a level",
            "next_level_on": "day on which it reaches the next level, if it stays open; NULL after the last",
            "as_of": "day to which the days are counted",
        },
        rows=f"""
SELECT system, account_id, invoice_id, invoice_number, currency, due_date, open, days AS days_overdue,
    coalesce(max(level) FILTER (after_days <= days), 0) AS level,
    arg_max(levels.name, after_days) FILTER (after_days <= days) AS name,
    coalesce(arg_max(fee, after_days) FILTER (after_days <= days), 0) AS fee,
    due_date + min(after_days) FILTER (after_days > days) AS next_level_on,
    day AS as_of
FROM ({_OWED}) AS owed LEFT JOIN ({_listed(levels)}) AS levels ON open >= minimum
WHERE days > 0
GROUP BY system, account_id, invoice_id, invoice_number, currency, due_date, open, days""",
        macro="dunning_on",
        day=_day(as_of),
    )


def _listed(levels: Sequence[DunningLevel]) -> str:
    columns = "level::INTEGER AS level, after_days::INTEGER AS after_days, name::VARCHAR AS name"
    amounts = "fee::DECIMAL(38, 4) AS fee, minimum::DECIMAL(38, 12) AS minimum"
    rows = [f"({one.level}, {one.after_days}, {literal(one.name)}, {one.fee:f}, {one.minimum:f})" for one in levels]
    listed = ", ".join(rows) or "(NULL, NULL, NULL, NULL, NULL)"
    filled = "" if rows else " WHERE false"
    return f"SELECT {columns}, {amounts} FROM (VALUES {listed}) AS l(level, after_days, name, fee, minimum){filled}"
