"""E-invoices of payloads, each read back: its amounts are the bill's, or it does not go out."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from billflow.documents.einvoice.reading import differences
from billflow.documents.einvoice.record import einvoice_of
from billflow.documents.einvoice.terms import EInvoice
from billflow.errors import EInvoiceError

Writer = Callable[[EInvoice], bytes]


@dataclass(frozen=True)
class Exported:
    """The file of one invoice, or why there is none."""

    invoice_id: str
    xml: bytes | None
    problem: str = ""


def compared(bill: Mapping[str, Any], write: Writer) -> bytes:
    """The XML that `write` makes of a payload.

    Raises EInvoiceError when EN 16931 cannot carry the bill, ValueError when what was written is not the bill.
    """
    xml = write(einvoice_of(bill))
    if found := differences(bill, xml):
        raise ValueError(f"a defect of billflow: the e-invoice is not the bill: {'; '.join(found)}")
    return xml


def exported(payloads: Iterable[Mapping[str, Any]], write: Writer) -> Iterator[Exported]:
    """Each of the payloads as an e-invoice."""
    for payload in payloads:
        invoice_id = payload["invoice"]["invoice_id"]
        try:
            yield Exported(invoice_id, compared(payload, write))
        except EInvoiceError as problem:
            yield Exported(invoice_id, None, problem.what)
        except ValueError as problem:
            yield Exported(invoice_id, None, str(problem))
