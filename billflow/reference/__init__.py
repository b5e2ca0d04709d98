"""A small rater in plain Python: what an account owes, worked out a second time from the pricing rules alone.

Each bill run recomputes a sample of its accounts with it, and property tests take it as their oracle. It
shares no code with the Spark billing, only the catalogue, and works in exact fractions.
"""

from billflow.reference.bills import bill_account, unrated_events
from billflow.reference.models import Bill, Line, Subscription, TaxGroup, UsageEvent

__all__ = ["Bill", "Line", "Subscription", "TaxGroup", "UsageEvent", "bill_account", "unrated_events"]
