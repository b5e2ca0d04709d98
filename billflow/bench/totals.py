"""What a bill run has come to, in figures that can be compared from one engine to another, to the cent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from billflow.errors import CheckFailedError

Ask = Callable[[str], Sequence[Any]]
"""Gives the one row of a query."""


@dataclass(frozen=True)
class Totals:
    """Rows, sums, and over the single rows sums of hashes: of each account's net, tax and total, and of each line's
    account, number, quantity and net.
    """

    invoices: int
    lines: int
    taxes: int
    net: Decimal
    tax: Decimal
    total: Decimal
    net_of_lines: Decimal
    base_of_taxes: Decimal
    tax_of_taxes: Decimal
    invoices_hash: int
    lines_hash: int

    @property
    def rows(self) -> int:
        """Of all three tables."""
        return self.invoices + self.lines + self.taxes


def totals_of(ask: Ask, hexadecimal: str) -> Totals:
    """Of the tables invoices, invoice_lines and invoice_taxes.

    `hexadecimal` makes a number of twelve hexadecimal digits `{}` in the engine's SQL.
    """
    invoice = _hash(hexadecimal, "account_id", _text("net"), _text("tax"), _text("total"))
    line = _hash(hexadecimal, "account_id", "line_no", _text("quantity", 3), _text("net"))
    invoices, net, tax, total, of_invoices = ask(
        f"SELECT count(*), sum(net), sum(tax), sum(total), {invoice} FROM invoices"
    )
    lines, net_of_lines, of_lines = ask(f"SELECT count(*), sum(net), {line} FROM invoice_lines")
    taxes, base, tax_of_taxes = ask("SELECT count(*), sum(base), sum(tax) FROM invoice_taxes")
    return Totals(
        invoices=int(invoices),
        lines=int(lines),
        taxes=int(taxes),
        net=_money(net),
        tax=_money(tax),
        total=_money(total),
        net_of_lines=_money(net_of_lines),
        base_of_taxes=_money(base),
        tax_of_taxes=_money(tax_of_taxes),
        invoices_hash=int(of_invoices or 0),
        lines_hash=int(of_lines or 0),
    )


def _hash(hexadecimal: str, *parts: str) -> str:
    text = " || '|' || ".join(f"CAST({part} AS varchar)" for part in parts)
    return f"CAST(sum({hexadecimal.format(f'substr(md5({text}), 1, 12)')}) AS decimal(38, 0))"


def _text(column: str, digits: int = 2) -> str:
    return f"CAST({column} AS decimal(18, {digits}))"


def _money(value: Any) -> Decimal:
    return Decimal(str(value or 0)).quantize(Decimal("0.01"))


def check_agreement(found: Mapping[str, Totals], where: str) -> None:
    """CheckFailedError when two ways do not come to the same; it names the ways and what differs, to the last row."""
    if not found:
        return
    first, *others = found
    for other in others:
        pairs = zip(asdict(found[first]).items(), asdict(found[other]).values(), strict=True)
        differing = [f"{name} {mine} and {theirs}" for (name, mine), theirs in pairs if mine != theirs]
        if differing:
            raise CheckFailedError(
                f"{first} and {other} do not come to the same: {'; '.join(differing)}",
                where=where,
                remedy="nothing was measured: one of them bills wrongly; both have left their tables there",
            )
