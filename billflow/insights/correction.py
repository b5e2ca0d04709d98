"""A confirmed invoice corrected, in memory: what takes it back, and the bill in its place as it is now.

Nothing is written here. The new bill is what `preview` would show for its month, with two additions: differences of
other months that the invoice had stay on it, and differences of its own month on other bills come back.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from billflow.billing import corrections
from billflow.billing.parts import FLAT
from billflow.billing.period import ALL_STEPS, PeriodBilling
from billflow.billing.pricebook import Pricebook
from billflow.catalog import Catalog
from billflow.insights.amounts import in_minor
from billflow.insights.correctable import Correctable
from billflow.insights.family import Family
from billflow.insights.family_billing import billing_of
from billflow.insights.preview import HELD, unrated_usage
from billflow.insights.recomputed import Recomputed, Row
from billflow.lake import schemas
from billflow.lake.small_tables import arrow_rows, frame_of, kept_small
from billflow.lake.tables import conformed
from billflow.settings import Settings

PRINTED = (
    "section",
    "description",
    "subscription_id",
    "charge",
    "period_start",
    "period_end",
    "quantity",
    "unit",
    "unit_price",
    "net",
    "gross",
    "tax_code",
    "tax_category",
    "tax_rate",
)
"""What a document shows of a line; `charge` tells apart what is printed alike."""

_CUSTOMER = ("name", "street", "city", "postcode", "country", "tax_id", "language", "currency")
_AMOUNTS = ("net", "tax", "total")


@dataclass(frozen=True)
class Bill:
    """One document: its row of INVOICES, its INVOICE_LINES in order and its INVOICE_TAXES."""

    invoice: Row
    lines: Sequence[Row]
    taxes: Sequence[Row]

    def amounts(self) -> dict[str, Decimal]:
        """net, tax and total."""
        shown = in_minor(self.invoice, self.invoice["currency"])
        return {name: shown[name] for name in _AMOUNTS}

    def document(self) -> Row:
        """What names it, and its amounts."""
        names = ("invoice_id", "invoice_number", "kind", "issue_date", "due_date", "currency")
        return {**{name: self.invoice[name] for name in names}, **self.amounts()}


@dataclass(frozen=True)
class Corrected:
    """An invoice and what corrects it. With `held` rows there is no new bill, and nothing may be done."""

    case: Correctable
    reversal: Bill
    replacement: Bill | None
    """None when nothing is due any more."""
    unrated: Sequence[Row]
    held: Sequence[Row]

    def numbered(self, invoices: Sequence[Row]) -> "Corrected":
        """The same with the rows of INVOICES that were published."""
        first, *others = invoices
        replacement = replace(self.replacement, invoice=others[0]) if self.replacement else None
        return replace(self, reversal=replace(self.reversal, invoice=first), replacement=replacement)

    @property
    def bills(self) -> tuple[Bill, ...]:
        """The reversal, and the new bill when there is one."""
        return (self.reversal, self.replacement) if self.replacement else (self.reversal,)

    @cached_property
    def changed_lines(self) -> list[Row]:
        """The lines that only one of the two has, the invoice (`side` before) or the new bill (after)."""
        new = self.replacement.lines if self.replacement else ()
        before, after = _printed(self.case.published.lines), _printed(new)
        sided = [*_sided("before", before - after), *_sided("after", after - before)]
        return [in_minor(line, self.reversal.invoice["currency"]) for line in sided]

    @property
    def changes_nothing(self) -> bool:
        """Whether the new bill prints what the old one does, to the same customer."""
        if self.replacement is None or self.changed_lines or _customer(self.case.then) != _customer(self.case.family):
            return False
        return self.replacement.amounts() == {name: self.case.published.invoice[name] for name in _AMOUNTS}

    @property
    def takes_ahead(self) -> bool:
        """Whether the old or the new bill has days of the next period on it, which that one may give back."""
        new = self.replacement.lines if self.replacement else ()
        end = self.case.period.end
        return any(
            line["line_type"] == FLAT and line["period_start"] >= end for line in (*self.case.published.lines, *new)
        )

    def disagreements(self, catalog: Catalog, settings: Settings) -> list[str]:
        """In what the new bill's own lines are not what the rater in plain Python makes of the same rows."""
        own = [line for line in self.replacement.lines if line["difference_of"] is None] if self.replacement else []
        bill = Recomputed(catalog, self.case.period, self.case.family, own, settings.currency)
        return [*bill.missing(), *(text for line in own for text in bill.differences(line))]

    def totals(self) -> dict[str, dict[str, Decimal]]:
        """Currency → net, tax and total of the two bills together: what the customer owes more than before."""
        sums: dict[str, dict[str, Decimal]] = {}
        for bill in self.bills:
            own = sums.setdefault(bill.invoice["currency"], dict.fromkeys(_AMOUNTS, Decimal(0)))
            own.update({name: own[name] + value for name, value in bill.amounts().items()})
        return sums

    def document(self) -> dict[str, Any]:
        """All of it as one JSON object."""
        invoice = self.case.published.invoice
        return {
            "invoice": {name: invoice[name] for name in ("invoice_id", "invoice_number", "account_id", *_AMOUNTS)},
            "month": invoice["month"],
            "cycle": invoice["cycle"],
            "reversal": self.reversal.document(),
            "replacement": self.replacement.document() if self.replacement else None,
            "difference": self.totals(),
            "changed_lines": self.changed_lines,
            "unrated": list(self.unrated),
            "held": list(self.held),
        }


def corrected(
    spark: SparkSession, case: Correctable, catalog: Catalog, settings: Settings, issue_date: date
) -> Corrected:
    """The two bills as they would be issued on a day, without numbers."""
    billing = _billing(spark, case, Pricebook(catalog, settings, case.period)).in_steps(ALL_STEPS, kept_small)
    held = _rows(billing.held_before.unionByName(billing.held_late).select(*HELD))
    reversal = _reversal(spark, case, issue_date, settings.payment_terms_days)
    replacement = None if held else _replacement(case, billing, issue_date)
    return Corrected(case, reversal, replacement, unrated_usage(billing), held)


def _billing(spark: SparkSession, case: Correctable, pricebook: Pricebook) -> PeriodBilling:
    lines, elsewhere = (_frame(spark, "invoice_lines", rows) for rows in (case.published.lines, case.elsewhere))
    return billing_of(
        spark,
        case.family,
        pricebook,
        (case.published.invoice["cycle"], case.period.month),
        late=corrections.late_lines(lines, elsewhere, case.period.month) if case.has_differences else None,
        correction=corrections.replacement_number(case.corrections),
    )


def _reversal(spark: SparkSession, case: Correctable, issue_date: date, terms: int) -> Bill:
    published = case.published
    tables = {"invoices": [published.invoice], "invoice_lines": published.lines, "invoice_taxes": published.taxes}
    was = {table: _frame(spark, table, rows) for table, rows in tables.items()}
    back = corrections.reversed_invoices(was["invoices"], corrections.reversal_number(case.corrections))
    issued = corrections.issued(back, published.invoice["invoice_id"], issue_date, terms)
    return _bill(
        issued,
        corrections.reversed_lines(was["invoice_lines"], back),
        corrections.reversed_taxes(was["invoice_taxes"], back),
    )


def _replacement(case: Correctable, billing: PeriodBilling, issue_date: date) -> Bill | None:
    invoice_id, terms = case.published.invoice["invoice_id"], billing.pricebook.settings.payment_terms_days
    invoices = corrections.issued(billing.invoices, invoice_id, issue_date, terms)
    made = _bill(invoices, billing.lines, billing.taxes)
    if not made.lines:
        return None
    # Of differences of other months the reason why no tax is due is in those months' catalogues.
    reasons = {(tax["tax_category"], tax["tax_rate"]): tax["reason"] for tax in case.published.taxes}
    taxes = [
        {**tax, "reason": tax["reason"] or reasons.get((tax["tax_category"], tax["tax_rate"]))} for tax in made.taxes
    ]
    return Bill(made.invoice, made.lines, taxes)


def _bill(invoices: DataFrame, lines: DataFrame, taxes: DataFrame) -> Bill:
    invoice = _rows(conformed(invoices, schemas.INVOICES))
    ordered = sorted(_rows(conformed(lines, schemas.INVOICE_LINES)), key=lambda line: line["line_no"])
    return Bill(invoice[0] if invoice else {}, ordered, _rows(conformed(taxes, schemas.INVOICE_TAXES)))


def _frame(spark: SparkSession, table: str, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    return frame_of(spark, table, arrow_rows(table, rows))


def _rows(frame: DataFrame) -> list[Row]:
    """The rows of one bill."""
    return [row.asDict() for row in frame.collect()]


def _printed(lines: Sequence[Row]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(line[name] for name in PRINTED) for line in lines)


def _sided(side: str, lines: Counter[tuple[Any, ...]]) -> Iterator[Row]:
    for line in lines.elements():
        yield {"side": side, **dict(zip(PRINTED, line, strict=True))}


def _customer(family: Family) -> Row:
    """What a document shows of who is invoiced."""
    rows: list[Row] = family.tables["accounts"].to_pylist()
    account = next((row for row in rows if row["account_id"] == family.invoiced), {})
    return {name: account.get(name) for name in _CUSTOMER}
