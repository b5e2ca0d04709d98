"""What is sold and how it is priced: metrics, calendars, taxes, plans with charges, discounts. No Spark in here."""

from billflow.catalog.calendars import Calendar, Window
from billflow.catalog.charges import Charge, FlatCharge, GraduatedCharge, PerUnitCharge, Tier, UsageCharge
from billflow.catalog.loading import load_catalog
from billflow.catalog.models import Catalog, Discount, Metric, PlanVersion, Tax
from billflow.catalog.periods import BillingPeriod, Cycle

__all__ = [
    "BillingPeriod",
    "Calendar",
    "Catalog",
    "Charge",
    "Cycle",
    "Discount",
    "FlatCharge",
    "GraduatedCharge",
    "Metric",
    "PerUnitCharge",
    "PlanVersion",
    "Tax",
    "Tier",
    "UsageCharge",
    "Window",
    "load_catalog",
]
