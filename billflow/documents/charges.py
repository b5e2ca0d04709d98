"""Invoice lines as paper shows them: signs of a credit note, and groups by account, subscription and section."""

from collections.abc import Iterable, Mapping
from typing import Any

from billflow.documents.tables import Labels

InvoiceLine = Mapping[str, Any]


def flipped(text: str) -> str:
    """The negative of a plain decimal: what a credit note shows of an amount."""
    return text[1:] if text.startswith("-") else f"-{text}"


def credited(line: InvoiceLine) -> InvoiceLine:
    """A credit note's line on paper: its net turned positive, and one factor with it so that they still agree."""
    factor = "unit_price" if line["unit_price"].startswith("-") else "quantity"
    return {**line, "net": flipped(line["net"]), factor: flipped(line[factor])}


def of_accounts(lines: Iterable[InvoiceLine], payload: Mapping[str, Any]) -> list[InvoiceLine]:
    """Lines with the name of their `account`, where the bill is also for `members`.

    The tables name a member in the section too ("Branch North · Calls"); under its own title it need not be repeated.
    """
    members = {one["account_id"]: one["name"] or one["account_id"] for one in payload["members"]}
    if not members:
        return list(lines)
    return [_of_account(line, members, payload["customer"]) for line in lines]


def _of_account(line: InvoiceLine, members: Mapping[str, str], own: Mapping[str, Any]) -> InvoiceLine:
    account = line["service_account_id"]
    if account not in members:
        return {**line, "account": own["name"] or own["account_id"]}
    name, section = members[account], line["section"] or ""
    return {**line, "account": f"{name} · {account}", "section": section.removeprefix(name).removeprefix(" · ") or None}


def grouped(
    lines: Iterable[InvoiceLine],
) -> dict[str | None, dict[str | None, list[InvoiceLine]]]:
    """Lines by subscription, then section, both in order of first appearance."""
    groups: dict[str | None, dict[str | None, list[InvoiceLine]]] = {}
    for line in lines:
        sections = groups.setdefault(line["subscription_id"], {})
        sections.setdefault(line["section"], []).append(line)
    return groups


def subscription_title(subscription: str | None, labels: Labels) -> str:
    return f"{labels['subscription']} {subscription}" if subscription else str(labels["account_charges"])
