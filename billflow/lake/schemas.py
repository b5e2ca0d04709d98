"""Schemas of the lake's tables. Money is decimal(38,4), quantities and unit prices decimal(38,12), times are UTC."""

from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    DataType,
    DateType,
    DecimalType,
    IntegerType,
    LongType,
    MapType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    TimestampType,
)

MONEY = DecimalType(38, 4)
QUANTITY = DecimalType(38, 12)
RATE = DecimalType(18, 12)
TEXT, WHOLE, COUNT, DAY, FLAG = StringType(), IntegerType(), LongType(), DateType(), BooleanType()
TEXTS = ArrayType(TEXT)
DIMENSIONS = MapType(TEXT, TEXT)


def columns(**types: DataType) -> StructType:
    """A schema of these columns, each of which may be NULL."""
    return StructType([StructField(name, kind) for name, kind in types.items()])


ACCOUNTS = columns(
    system=TEXT,
    account_id=TEXT,
    name=TEXT,
    street=TEXT,
    city=TEXT,
    postcode=TEXT,
    country=TEXT,
    email=TEXT,
    tax_id=TEXT,
    currency=TEXT,
    language=TEXT,
    timezone=TEXT,
    cycle=TEXT,
    parent_account_id=TEXT,
    segment=TEXT,
    endpoint=TEXT,
    endpoint_scheme=TEXT,
    buyer_reference=TEXT,
    birth_date=DAY,
    registration_number=TEXT,
    phone=TEXT,
    invoiced_account_id=TEXT,
    hierarchy_problem=TEXT,
    source=TEXT,
)
"""Key (system, account_id). Currency, language, time zone and cycle are filled in from the project.

`invoiced_account_id` is the top of the chain of parents, the account itself without one; the cycle is the top's.
Where the top cannot be found it is NULL, and `hierarchy_problem` says why."""

SUBSCRIPTIONS = columns(
    system=TEXT,
    subscription_id=TEXT,
    account_id=TEXT,
    plan=TEXT,
    start_date=DAY,
    end_date=DAY,
    quantity=QUANTITY,
    discounts=TEXTS,
    source=TEXT,
)
"""Key (system, subscription_id, start_date); rows of one id do not overlap."""

USAGE = columns(
    system=TEXT,
    usage_id=TEXT,
    subscription_id=TEXT,
    metric=TEXT,
    quantity=QUANTITY,
    event_time=TimestampType(),
    arrived_at=TimestampType(),
    dimensions=DIMENSIONS,
    replaces=TEXT,
    account_id=TEXT,
    subscription_start=DAY,
    local_time=TimestampNTZType(),
    source=TEXT,
)
"""Key (system, usage_id). `replaces` is the usage_id of a record that this one corrects, which is not here.
`subscription_start` names the subscription row that served the event; `local_time` is its wall clock time in the
account's time zone."""

ADJUSTMENTS = columns(
    system=TEXT,
    adjustment_id=TEXT,
    account_id=TEXT,
    date=DAY,
    amount=QUANTITY,
    description=TEXT,
    tax=TEXT,
    source=TEXT,
)
"""Key (system, adjustment_id): one-off charges and credits in the account's currency, as given and not rounded yet.
`tax` is a code of the catalogue; NULL is no tax."""

_LATE = columns(difference_of=TEXT, cycle=TEXT, month=TEXT)
LATE_USAGE = StructType([*USAGE, *_LATE])
LATE_ADJUSTMENTS = StructType([*ADJUSTMENTS, *_LATE])
"""What differences on a month's bills follow from: all usage and adjustments that the month `difference_of` had by then
of the accounts concerned."""

BILLS = columns(
    system=TEXT,
    bill_id=TEXT,
    account_id=TEXT,
    issue_date=DAY,
    line_no=WHOLE,
    description=TEXT,
    quantity=QUANTITY,
    unit_price=QUANTITY,
    amount=QUANTITY,
    tax=TEXT,
    currency=TEXT,
    tax_amount=QUANTITY,
    source=TEXT,
)
"""Key (system, bill_id, line_no): lines of bills that another system made, in the account's currency unless given.
`amount` is without tax, `tax_amount` the tax on it as far as the other system tells."""

PAYMENTS = columns(
    system=TEXT,
    payment_id=TEXT,
    account_id=TEXT,
    date=DAY,
    amount=QUANTITY,
    invoice=TEXT,
    currency=TEXT,
    method=TEXT,
    source=TEXT,
)
"""Key (system, payment_id). A negative amount is a refund or chargeback; the currency is the account's unless given."""

CROSSWALK = columns(
    system=TEXT,
    account_id=TEXT,
    other_system=TEXT,
    other_account_id=TEXT,
    decision=TEXT,
    decided_at=TimestampType(),
    decided_by=TEXT,
    note=TEXT,
    source=TEXT,
)
"""What people, and other systems' own tables, say of two accounts: that they are the `same` customer or `different`."""

CUSTOMER_ACCOUNTS = columns(
    customer_id=TEXT,
    system=TEXT,
    account_id=TEXT,
    leads=FLAG,
    cycle=TEXT,
    merged_by=TEXT,
    probability=DecimalType(9, 8),
    evidence=TEXT,
    since=COUNT,
)
"""Key (system, account_id): which customer each account is of. The id stays while the account that the customer began
with is one of its accounts, and goes to the next one that had it when that is gone; `since` grows with each ingestion:
of two ids the older one stays. Of each customer one account `leads`: its bill shows the others', in its `cycle`.
`merged_by` is `alone`, `crosswalk`, a key's name or `match`."""

MERGE_CANDIDATES = columns(
    system=TEXT,
    account_id=TEXT,
    name=TEXT,
    other_system=TEXT,
    other_account_id=TEXT,
    other_name=TEXT,
    found_by=TEXT,
    probability=DecimalType(9, 8),
    evidence=TEXT,
    reason=TEXT,
)
"""Pairs of accounts that may be one customer and were not merged: for people to decide, by a row of `crosswalk`."""

CONSOLIDATED_ITEMS = columns(
    customer_id=TEXT,
    item=TEXT,
    system=TEXT,
    account_id=TEXT,
    document_id=TEXT,
    issue_date=DAY,
    currency=TEXT,
    net=MONEY,
    tax=MONEY,
    total=MONEY,
    cycle=TEXT,
    month=TEXT,
)
"""The documents of a consolidated bill: `item` is `invoice` or `credit_note` (`document_id` is the invoice_id), or
`bill` (of another system; its bill_id). `cycle` and `month` are those of the bill run that shows it."""

CONSOLIDATED_BILLS = columns(
    customer_id=TEXT,
    currency=TEXT,
    system=TEXT,
    account_id=TEXT,
    invoices=COUNT,
    bills=COUNT,
    net=MONEY,
    tax=MONEY,
    total=MONEY,
    shown_on=TEXT,
    cycle=TEXT,
    month=TEXT,
)
"""One row a currency and customer with bills of another system or several invoices: Σ of its items. `system` and
`account_id` are of the account that leads; `shown_on` is the invoice_id of the document that shows it, NULL for
customers without an invoice in the month."""

QUARANTINE = columns(
    source=TEXT,
    table=TEXT,
    key=TEXT,
    rules=TEXTS,
    reason=TEXT,
    row=TEXT,
    cycle=TEXT,
    month=TEXT,
    run_id=TEXT,
    file=TEXT,
)

USAGE_SUMS = columns(
    system=TEXT,
    account_id=TEXT,
    metric=TEXT,
    quantity_sum=QUANTITY,
    quantity_max=QUANTITY,
    events=COUNT,
)
"""Usage of accounts that are billed, added up as far as charges tell it apart (`billflow.billing.usage.grouped`).
`quantity_max` is NULL where no metric is billed by its highest."""

CHARGES = columns(
    system=TEXT,
    account_id=TEXT,
    subscription_id=TEXT,
    subscription_start=DAY,
    charge_id=WHOLE,
    cell=WHOLE,
    period_start=DAY,
    period_end=DAY,
    subscription_quantity=QUANTITY,
    discount_percent=RATE,
    discount_amount=MONEY,
    quantity=QUANTITY,
    usage_count=COUNT,
    used_units=QUANTITY,
    used_divisor=QUANTITY,
    event_amount=DecimalType(38, 24),
)
"""One row per subscription row and charge in force (of a matrix: per price that is used): the quantity measured.
`charge_id` and `cell` are of the catalogue (`billflow.billing.pricebook`). What must be looked at event by event has
used_units / used_divisor left to pay for and, where each event has a price of its own, event_amount / used_divisor."""

INVOICE_LINES = columns(
    invoice_id=TEXT,
    line_no=WHOLE,
    account_id=TEXT,
    subscription_id=TEXT,
    plan=TEXT,
    charge=TEXT,
    section=TEXT,
    description=TEXT,
    metric=TEXT,
    period_start=DAY,
    period_end=DAY,
    quantity=QUANTITY,
    unit=TEXT,
    unit_price=QUANTITY,
    net=MONEY,
    tax_code=TEXT,
    tax_category=TEXT,
    tax_rate=RATE,
    usage_count=COUNT,
    cycle=TEXT,
    month=TEXT,
    system=TEXT,
    currency=TEXT,
    service_account_id=TEXT,
    subscription_start=DAY,
    subscription_quantity=QUANTITY,
    price_from=DAY,
    line_type=TEXT,
    gross=MONEY,
    difference_of=TEXT,
)
"""`account_id` is the account that gets the bill, `service_account_id` the one that the line is for, that one or a
child. `price_from` is the first day of the plan's version, `line_type` the kind of `billflow.billing.parts`; `gross` is
what was priced where prices include tax. `difference_of` is the confirmed month ("2026-05") that the line corrects,
NULL for a line of the bill's own month; what was billed before comes back with line_type `reversal`."""

INVOICE_TAXES = columns(
    invoice_id=TEXT,
    tax_category=TEXT,
    tax_rate=RATE,
    base=MONEY,
    tax=MONEY,
    cycle=TEXT,
    month=TEXT,
    system=TEXT,
    account_id=TEXT,
    currency=TEXT,
    reason=TEXT,
)
"""`reason` says why no tax is due."""

INVOICES = columns(
    invoice_id=TEXT,
    invoice_number=TEXT,
    kind=TEXT,
    status=TEXT,
    corrects=TEXT,
    account_id=TEXT,
    system=TEXT,
    cycle=TEXT,
    month=TEXT,
    period_start=DAY,
    period_end=DAY,
    issue_date=DAY,
    due_date=DAY,
    currency=TEXT,
    net=MONEY,
    tax=MONEY,
    total=MONEY,
)

HELD = columns(
    system=TEXT,
    account_id=TEXT,
    rule=TEXT,
    reason=TEXT,
    cycle=TEXT,
    month=TEXT,
    run_id=TEXT,
)
"""Accounts whose bill is held back, with the reason."""

USAGE_HISTORY = columns(
    system=TEXT,
    account_id=TEXT,
    metric=TEXT,
    usage_month=TEXT,
    quantity=QUANTITY,
    events=COUNT,
    cycle=TEXT,
    month=TEXT,
)
"""What the bills of a cycle and month show of earlier months and their own: a row an account, metric and month that
has usage. `account_id` is the account that gets the bill."""

DOCUMENTS = columns(
    invoice_id=TEXT,
    pages=WHOLE,
    bytes=COUNT,
    sha256=TEXT,
    template=TEXT,
    cycle=TEXT,
    month=TEXT,
    remarks=TEXT,
    payload_sha256=TEXT,
    pdf=BinaryType(),
    payload=BinaryType(),
)
"""`remarks` say what was printed otherwise than asked for. `payload` is the JSON that the document was rendered from,
as zstd; `payload_sha256` is of that JSON, `sha256` of the PDF."""

SCHEMAS = {
    "accounts": ACCOUNTS,
    "subscriptions": SUBSCRIPTIONS,
    "usage": USAGE,
    "adjustments": ADJUSTMENTS,
    "bills": BILLS,
    "payments": PAYMENTS,
    "crosswalk": CROSSWALK,
    "customer_accounts": CUSTOMER_ACCOUNTS,
    "merge_candidates": MERGE_CANDIDATES,
    "quarantine": QUARANTINE,
    "invoices": INVOICES,
    "invoice_lines": INVOICE_LINES,
    "invoice_taxes": INVOICE_TAXES,
    "held": HELD,
    "usage_history": USAGE_HISTORY,
    "late_usage": LATE_USAGE,
    "late_adjustments": LATE_ADJUSTMENTS,
    "consolidated_bills": CONSOLIDATED_BILLS,
    "consolidated_items": CONSOLIDATED_ITEMS,
    "documents": DOCUMENTS,
}
"""The published tables."""

UNRATED = StructType([*QUARANTINE, StructField("quantity", QUANTITY)])
"""Quarantine of events that no charge prices, with what they measured."""
