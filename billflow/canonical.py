"""The canonical tables' columns by name: what a source must give and what it may give (CONTRACT §2)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CanonicalTable:
    """Columns that a mapping must give (`required`) and may give (`optional`)."""

    key: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]

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
        optional=("arrived_at", "dimensions"),
    ),
}
"""`adjustments`, `bills` and usage that `replaces` other usage are refused until they can be billed."""
