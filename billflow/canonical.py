"""The canonical tables' columns by name: what a source must give and what it may give (CONTRACT §2)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CanonicalTable:
    """Columns that a mapping must give (`required`) and may give (`optional`)."""

    key: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    change_key: tuple[str, ...] = ()
    """Expressions for what a change is of, where it is not `key`: a row's content may be part of that, or left out."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns in the order of the contract."""
        return (*self.required, *self.optional)


CANONICAL_TABLES = {
    "customers": CanonicalTable(
        key=("account_id",),
        required=("account_id", "name"),
        optional=(
            "street",
            "city",
            "postcode",
            "country",
            "email",
            "tax_id",
            "currency",
            "language",
            "timezone",
            "cycle",
            "parent_account_id",
            "segment",
            "endpoint",
            "endpoint_scheme",
            "buyer_reference",
            "birth_date",
            "registration_number",
            "phone",
        ),
    ),
    "subscriptions": CanonicalTable(
        key=("subscription_id", "start_date"),
        required=("subscription_id", "account_id", "plan", "start_date"),
        optional=("end_date", "quantity", "discounts"),
    ),
    "usage": CanonicalTable(
        key=("usage_id",),
        required=("usage_id", "subscription_id", "metric", "quantity", "event_time"),
        optional=("arrived_at", "dimensions", "replaces"),
    ),
    "adjustments": CanonicalTable(
        key=("adjustment_id",),
        required=("adjustment_id", "account_id", "date", "amount", "description"),
        optional=("tax",),
    ),
    "bills": CanonicalTable(
        key=("bill_id", "line_no"),
        required=(
            "bill_id",
            "account_id",
            "issue_date",
            "line_no",
            "description",
            "quantity",
            "unit_price",
            "amount",
        ),
        optional=("tax", "currency", "tax_amount"),
    ),
    "payments": CanonicalTable(
        key=("payment_id",),
        required=("payment_id", "account_id", "date", "amount"),
        optional=("invoice", "currency", "method"),
    ),
    "crosswalk": CanonicalTable(
        key=("account_system", "account_id", "other_system", "other_account_id", "decision", "decided_at"),
        required=("account_id", "other_system", "other_account_id"),
        optional=("account_system", "decision", "decided_at", "decided_by", "note"),
        change_key=("coalesce(account_system, system)", "account_id", "other_system", "other_account_id"),
    ),
}
"""Only customers and subscriptions must be given. A payment's `invoice` is the number or id of the invoice that it
pays; a negative amount is a refund or chargeback.

Beyond the contract, for e-invoices: a customer's electronic address `endpoint` and its scheme (a code of CEF's list
EAS), BT-49 of EN 16931, and the `buyer_reference`, BT-10. By `birth_date`, `registration_number` and `phone` customers
of several systems are told to be one. `tax_amount` of a bill's line is the tax that the other system has put on it.

`crosswalk`: two accounts are one customer (decision `same`, the default) or not (`different`). Of several rows about
two accounts the one that was decided last stands. `account_system` is the source's system unless given."""
