"""A small rater in plain Python: what an account owes, worked out a second time from the pricing rules alone.

Each bill run recomputes a sample of its accounts with it, and property tests take it as their oracle. It
shares no code with the Spark billing, only the catalogue, and works in exact fractions.
"""

from billflow.reference.bills import bill_account, bill_family, unrated_events
from billflow.reference.models import (
    Adjustment,
    Bill,
    BilledAhead,
    Line,
    Member,
    Subscription,
    TaxGroup,
    UsageEvent,
)

__all__ = [
    "Adjustment",
    "Bill",
    "BilledAhead",
    "Line",
    "Member",
    "Subscription",
    "TaxGroup",
    "UsageEvent",
    "bill_account",
    "bill_family",
    "unrated_events",
]
