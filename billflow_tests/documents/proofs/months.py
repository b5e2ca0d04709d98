"""The same account a month later."""

from typing import Any


def next_month(payload: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """Other amounts, dates and numbers; `parts` of the payload as they are given."""
    lines = [
        {**line, "period_start": "2013-02-01", "period_end": "2013-03-01", "net": f"1{line['net'].lstrip('-')}"}
        for line in payload["lines"]
    ]
    invoice = {
        **payload["invoice"],
        "invoice_number": "INV-2013-00000099",
        "period_start": "2013-02-01",
        "period_end": "2013-03-01",
        "issue_date": "2013-03-01",
        "due_date": "2013-03-15",
        "total": "163.2000",
    }
    return {**payload, "lines": lines, "invoice": invoice, **parts}
