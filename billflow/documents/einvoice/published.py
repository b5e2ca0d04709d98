"""What e-invoices are made of, of bills of earlier versions, whose documents kept no payload: read from the tables."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from billflow.documents.payload import CUSTOMER, HEAD, LINE, TAX
from billflow.lake.manifest import PublishedPartition
from billflow.lake.published import connect_to
from billflow.lake.storage import Storage

AT_ONCE = 500
"""Bills in memory."""


def payloads_of_tables(
    storage: Storage, partition: PublishedPartition, seller: Mapping[str, str | None]
) -> Iterator[dict[str, Any]]:
    """As much of each bill's payload as an e-invoice needs, in order of the ids; the seller is as it is now."""
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
