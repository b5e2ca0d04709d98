"""E-invoices of what is published: from its tables to XML, without Spark and without rendering."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billflow.documents.einvoice.reading import differences
from billflow.documents.einvoice.record import einvoice_of
from billflow.documents.einvoice.terms import EInvoice
from billflow.documents.payload import CUSTOMER, HEAD, LINE, TAX
from billflow.errors import EInvoiceError
from billflow.lake.manifest import PublishedPartition
from billflow.lake.published import connect_to
from billflow.lake.storage import Storage

AT_ONCE = 500
"""Bills in memory."""


@dataclass(frozen=True)
class Exported:
    """The file of one invoice, or why there is none."""

    invoice_id: str
    xml: bytes | None
    problem: str = ""


def exported(
    storage: Storage,
    partition: PublishedPartition,
    seller: Mapping[str, str | None],
    write: Callable[[EInvoice], bytes],
) -> Iterator[Exported]:
    """Each invoice of a confirmed partition, or of a correction, in order of its id; each file is read back."""
    for payload in _payloads(storage, partition, seller):
        yield _exported(payload, write)


def _exported(payload: Mapping[str, Any], write: Callable[[EInvoice], bytes]) -> Exported:
    invoice_id = payload["invoice"]["invoice_id"]
    try:
        xml = write(einvoice_of(payload))
    except EInvoiceError as problem:
        return Exported(invoice_id, None, problem.what)
    if found := differences(payload, xml):
        return Exported(invoice_id, None, f"a defect of billflow: the e-invoice is not the bill: {'; '.join(found)}")
    return Exported(invoice_id, xml)


def _payloads(
    storage: Storage, partition: PublishedPartition, seller: Mapping[str, str | None]
) -> Iterator[dict[str, Any]]:
    """What an e-invoice needs of the payload (see `documents.payload`)."""
    found = connect_to(storage, partition.tables).execute(_SQL)
    while rows := found.fetchmany(AT_ONCE):
        for currency, customer, invoice, lines, taxes in rows:
            head = json.loads(invoice)
            yield {
                "currency": currency,
                "seller": dict(seller),
                "customer": json.loads(customer),
                "invoice": {**head, **_corrects(partition, head["invoice_id"])},
                "lines": json.loads(lines or "[]"),
                "taxes": json.loads(taxes or "[]"),
            }


def _corrects(partition: PublishedPartition, invoice_id: str) -> dict[str, str]:
    correction = partition.correction
    if correction is None or invoice_id not in (correction.reversal, correction.replacement):
        return {}
    return {"corrects_number": correction.number, "correction_reason": correction.reason}


def _texts(columns: Sequence[str], table: str) -> str:
    """A JSON object of columns as texts, exact."""
    named = ", ".join(f"'{name}': {table}.\"{name}\"::VARCHAR" for name in columns)
    return f"to_json({{{named}}})"


_SQL = f"""
SELECT i.currency, {_texts(CUSTOMER, "a")}, {_texts(HEAD, "i")}, l.lines, t.taxes
FROM invoices i
LEFT JOIN accounts a ON a.system = i.system AND a.account_id = i.account_id
LEFT JOIN (
  SELECT invoice_id, to_json(list({_texts(LINE, "x")} ORDER BY x.line_no)) AS lines FROM invoice_lines x GROUP BY 1
) l ON l.invoice_id = i.invoice_id
LEFT JOIN (
  SELECT invoice_id, to_json(list({_texts(TAX, "x")} ORDER BY x.tax_category, x.tax_rate)) AS taxes
  FROM invoice_taxes x GROUP BY 1
) t ON t.invoice_id = i.invoice_id
ORDER BY i.invoice_id
"""  # names of columns, of ours
