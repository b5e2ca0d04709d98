"""What is open on each bill: payments and credit notes settle the oldest bills, in exact decimals.

Debts and credits of an account and currency are two queues. A payment that names a bill pays that one first. What no
bill was named for, and what is paid beyond one, is the first credit; the credit notes follow, oldest first. Where both
queues have been drawn from by the same sum, the shorter one is empty: an account has open bills or credit, never both.
So for every account the open amounts add up to its totals less its payments.
"""

from billflow.insights.view import View

UNALLOCATED = "unallocated"
"""The kind of the row that shows payments which settle nothing."""

_GROUP = "system, account_id, currency"

_ITEMS = f"""
    SELECT {_GROUP}, invoice_id, invoice_number, kind, issue_date, due_date, total::DECIMAL(38, 12) AS total
    FROM invoices WHERE status = 'confirmed'"""

_NAMES = f"""
    SELECT {_GROUP}, name, min(invoice_id) AS invoice_id
    FROM (SELECT *, unnest([invoice_id, invoice_number]) AS name FROM items)
    WHERE name IS NOT NULL GROUP BY ALL"""
"""By id and by number; min, so that a name that two bills share counts once."""

_PAID = """
    SELECT payments.* REPLACE (coalesce(accounts.invoiced_account_id, payments.account_id) AS account_id)
    FROM payments LEFT JOIN accounts
        ON payments.system = accounts.system AND payments.account_id = accounts.account_id
        AND (payments.system, payments.account_id) NOT IN (SELECT (system, account_id) FROM items)"""
"""Payments under the account that they are for: of one that never got a bill, the account that gets its bill."""

_RECEIVED = """
    SELECT paid_in.system, paid_in.account_id, paid_in.currency, paid_in.amount, names.invoice_id
    FROM paid_in LEFT JOIN names
        ON paid_in.system = names.system AND paid_in.account_id = names.account_id
        AND paid_in.currency = names.currency AND paid_in.invoice = names.name"""
"""Payments; invoice_id is NULL where they name none of the account's bills in their currency."""

_NAMED = """
    SELECT items.*, coalesce(paid, 0) AS named, items.total - coalesce(paid, 0) AS rest,
        greatest(0, least(items.total, 0) - rest) AS excess
    FROM items LEFT JOIN (
        SELECT system, account_id, currency, invoice_id, sum(amount) AS paid FROM received
        WHERE invoice_id IS NOT NULL GROUP BY ALL
    ) USING (system, account_id, currency, invoice_id)"""
"""What the payments that name a bill leave of it, and what they are in excess of it: rest = debt - credit - excess."""

_ENTRIES = f"""
    SELECT {_GROUP}, invoice_id, invoice_number, kind, issue_date, due_date, total, true AS is_item,
        greatest(rest, 0) AS debt, least(greatest(-rest, 0), greatest(-total, 0)) AS credit
    FROM named
    UNION ALL BY NAME
    SELECT {_GROUP}, '{UNALLOCATED}' AS kind, 0 AS total, false AS is_item,
        greatest(-sum(amount), 0) AS debt, greatest(sum(amount), 0) AS credit
    FROM (
        SELECT {_GROUP}, amount FROM received WHERE invoice_id IS NULL
        UNION ALL SELECT {_GROUP}, excess FROM named WHERE excess > 0
    ) GROUP BY ALL"""
"""Money paid out beyond what came in is a debt; it comes first, as money that came in does."""

_QUEUED = f"""
    SELECT *, sum(debt) OVER before - debt AS debts_before, sum(credit) OVER before - credit AS credits_before,
        least(sum(debt) OVER account, sum(credit) OVER account) AS settled
    FROM entries
    WINDOW account AS (PARTITION BY {_GROUP}), before AS (
        PARTITION BY {_GROUP} ORDER BY is_item, due_date, invoice_number, invoice_id ROWS UNBOUNDED PRECEDING
    )"""

_SETTLED = """
    SELECT *, debt - least(debt, greatest(0, settled - debts_before))
        - (credit - least(credit, greatest(0, settled - credits_before))) AS open
    FROM queued"""

OPEN_ITEMS = View(
    name="open_items",
    about="Confirmed invoices and credit notes with what is open on each; payments that settle nothing have a row too",
    columns={
        "system": "id space of the account",
        "account_id": "account that got the bill, or paid; what a child without bills pays is its top account's",
        "invoice_id": "NULL for payments that settle nothing",
        "invoice_number": "legal number",
        "kind": f"invoice, credit_note, or {UNALLOCATED}: the account's payments that settle nothing",
        "currency": "currency of the amounts; payments in another one settle nothing here",
        "issue_date": "day of issue",
        "due_date": "day until which it is to be paid",
        "total": f"total of the bill, negative for a credit note; 0 for {UNALLOCATED} payments",
        "paid": "settled by payments and credit notes; of a credit note what was used up, negative",
        "open": "total - paid: what the customer owes; negative is credit",
    },
    rows=f"""
WITH items AS ({_ITEMS}), names AS ({_NAMES}), paid_in AS ({_PAID}), received AS ({_RECEIVED}), named AS ({_NAMED}),
    entries AS ({_ENTRIES}), queued AS ({_QUEUED}), settled AS ({_SETTLED})
SELECT {_GROUP}, invoice_id, invoice_number, kind, issue_date, due_date,
    total::DECIMAL(38, 12) AS total, (total - open)::DECIMAL(38, 12) AS paid, open::DECIMAL(38, 12) AS open
FROM settled WHERE is_item OR open <> 0""",
)

BALANCES = View(
    name="balances",
    about="What each account owes: all it was invoiced, less its credit notes and payments",
    columns={
        "system": "id space of the account",
        "account_id": "account that got the bills, or paid",
        "currency": "an account has a row for each of its currencies",
        "invoiced": "sum of the confirmed invoices",
        "credited": "sum of the confirmed credit notes, positive",
        "paid": "sum of the payments, less refunds",
        "open": "what is open on bills",
        "unallocated_credit": "payments and credit notes that have settled nothing yet",
        "balance": "invoiced - credited - paid = open - unallocated_credit; negative: the customer is owed",
    },
    rows="""
SELECT system, account_id, currency,
    coalesce(sum(total) FILTER (kind = 'invoice'), 0) AS invoiced,
    coalesce(-sum(total) FILTER (kind = 'credit_note'), 0) AS credited,
    sum(paid) AS paid,
    coalesce(sum(open) FILTER (open > 0), 0) AS open,
    coalesce(-sum(open) FILTER (open < 0), 0) AS unallocated_credit,
    sum(open) AS balance
FROM open_items GROUP BY ALL""",
)
