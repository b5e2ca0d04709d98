"""`explain`: from a line of an invoice down to the price and the usage records that made it, without starting Spark."""

import sys
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from billflow.cli.output import open_output, plain
from billflow.exact_json import exact_json
from billflow.insights.explanation import explanation, recomputed
from billflow.insights.late_explained import late_recomputed
from billflow.insights.published_invoice import find_invoice
from billflow.lake.manifest import read_manifest
from billflow.lake.storage import open_lake
from billflow.settings import find_project, load_settings

FIRST = 20
"""Usage records shown of a line."""


@click.command()
@click.argument("invoice")
@click.option("--line", type=int, help="Only this line, with its usage records.")
@click.option("--all", "everything", is_flag=True, help=f"All usage records, not the first {FIRST} of a line.")
@click.option("--format", "shape", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_obj
def explain(project: str | None, invoice: str, line: int | None, everything: bool, shape: str) -> int:
    """From a line of an invoice (its id or number) down to the usage records and the price that made it."""
    settings = load_settings(find_project(project))
    storage = open_lake(settings)
    manifest = read_manifest(storage)
    published = find_invoice(storage, manifest, invoice)
    bill = recomputed(storage, settings, published)
    late = late_recomputed(storage, settings, manifest, published)
    document = explanation(published, bill, line, None if everything else FIRST, late)
    if shape == "json":
        sys.stdout.write(exact_json(document) + "\n")
    else:
        _print(document)
    return _verdict(document)


def _verdict(document: dict[str, Any]) -> int:
    """0 when all that was explained works out as published; else says loudly what does not, and 1."""
    wrong = [(None, text) for text in document["differences"]]
    wrong += [(line["line_no"], text) for line in document["lines"] for text in line["differences"]]
    if not wrong:
        return 0
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    invoice = document["invoice"]["invoice_id"]
    console.print(f"[bold red]error:[/] invoice {invoice} is not what its prices and usage give:")
    for number, text in wrong:
        console.print(f"  {'' if number is None else f'line {number}: '}{text}", markup=False)
    console.print("  → `billflow verify` says whether published tables were changed; keep the lake and report it")
    return 1


def _print(document: dict[str, Any]) -> None:
    console = open_output()
    invoice = document["invoice"]
    currency = invoice["currency"]
    title = f"{invoice['kind'].replace('_', ' ').capitalize()} {invoice['invoice_number'] or invoice['invoice_id']}"
    account = f"account {escape(invoice['account_id'])} of {escape(invoice['system'])}"
    amounts = f"net {invoice['net']:f} + tax {invoice['tax']:f} = {invoice['total']:f} {currency}"
    console.print(
        f"[bold]{title}[/] ({invoice['status']}) for {account}, {invoice['cycle']} {invoice['month']}: {amounts}"
    )
    correction = document["correction"]
    if correction:
        number = correction.get("takes_back")
        what = f"takes back invoice {number}" if number else f"in place of invoice {correction['replaces']}"
        console.print(f"{what}: {correction['reason']}", markup=False)
    explained: dict[tuple[str, ...], int] = {}
    for line in document["lines"]:
        _print_line(console, line, currency)
        _print_usage(console, line, explained)


def _print_line(console: Console, line: dict[str, Any], currency: str) -> None:
    console.print(f"\n[bold]{line['line_no']}  {escape(line['description'])}   {line['net']:f} {currency}[/]")
    for name, text in (
        ("for", _subscription(line)),
        ("price", _price(line)),
        ("days", _window(line)),
        ("discounts", _discounts(line)),
    ):
        if text:
            _print_entry(console, name, text)
    for step in line["steps"]:
        _print_entry(console, step["step"], f"{step['text']} = {_value(step)}")
    _print_entry(console, "tax", _tax(line["tax"]))
    verdict = "[green]✓[/] works out as published" if line["agrees"] else "[bold red]✗ DOES NOT WORK OUT[/]"
    console.print(f"  {'':10} {verdict}")


def _print_entry(console: Console, name: str, text: str) -> None:
    console.print(f"  [dim]{name:10}[/] {escape(text)}")


def _subscription(line: dict[str, Any]) -> str:
    if line["subscription_id"] is None:
        return f"account {line['service_account_id']}"
    return f"subscription {line['subscription_id']} of account {line['service_account_id']}"


def _price(line: dict[str, Any]) -> str:
    price = line["price"]
    if price is None:
        return ""
    plan = f"plan {price['plan']}, version from {price['valid_from']}"
    return f"{plan}; {line['charge']}: {_inline(price['charge'])}" if price["charge"] else plan


def _inline(value: Any) -> str:
    """A charge as the catalogue writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_inline(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return str(value)


def _window(line: dict[str, Any]) -> str:
    window = line["window"]
    served = f"{window['start']} to before {window['end']}, {window['days']} of {window['period_days']} days"
    reasons = [
        f"{what} {word} {window[name]}"
        for name, what, word in (
            ("subscription_start", "subscription", "from"),
            ("subscription_end", "subscription", "to before"),
            ("charge_start", "charge", "from"),
            ("charge_end", "charge", "to before"),
        )
        if window.get(name)
    ]
    return f"{served} ({', '.join(reasons)})" if reasons else served


def _discounts(line: dict[str, Any]) -> str:
    return "; ".join(_inline(one) for one in line["discounts"])


def _value(step: dict[str, Any]) -> str:
    fraction = step.get("fraction")
    return f"{plain(step['value'])}… ({fraction})" if fraction else plain(step["value"])


def _tax(tax: dict[str, Any]) -> str:
    rate = f"{tax['code']} ({tax['category']}), {plain(tax['rate'] * 100)} %"
    if tax["reason"]:
        rate += f": {tax['reason']}"
    if tax["group_base"] is None:
        return rate
    return f"{rate}; on all lines of this rate together: {tax['group_base']:f} → {tax['group_tax']:f}"


def _print_usage(console: Console, line: dict[str, Any], explained: dict[tuple[str, ...], int]) -> None:
    """The records; of a charge with several lines, once."""
    usage = line["usage"]
    if usage is None:
        return
    records = tuple(record["usage_id"] for record in usage["records"])
    count = f"{usage['count']:,} record{'s' * (usage['count'] != 1)}"
    total = f"{count}, together {plain(usage['quantity'])}"
    if records in explained:
        _print_entry(console, "usage", f"{total}: those of line {explained[records]}")
        return
    explained[records] = line["line_no"]
    _print_entry(console, "usage", f"{total}:")
    table = Table("usage_id", "local time", "quantity", "dimensions", box=None, padding=(0, 2), pad_edge=True)
    for record in usage["records"]:
        named = {**record["dimensions"], **record["calendars"]}
        shown = ", ".join(f"{name}={value}" for name, value in sorted(named.items()))
        cells = (record["usage_id"], record["local_time"], plain(record["quantity"]), shown)
        table.add_row(*map(escape, cells))
    console.print(table)
    if usage["more"]:
        console.print(f"    … and {usage['more']:,} more (--all shows them)")
