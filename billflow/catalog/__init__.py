"""What is sold and how it is priced: metrics, calendars, taxes, plans with charges, discounts. No Spark in here."""

from billflow.catalog.calendars import Calendar, Window
from billflow.catalog.charges import Convert, FlatCharge, Increments
from billflow.catalog.loading import catalog_texts, load_catalog, parse_catalog
from billflow.catalog.models import Catalog, Discount, InvoiceRules, Metric, PlanVersion
from billflow.catalog.periods import BillingPeriod, Cycle
from billflow.catalog.price_models import (
    Charge,
    GraduatedCharge,
    GraduatedPercentageCharge,
    MatrixCharge,
    MatrixPrice,
    PackageCharge,
    PercentageCharge,
    PercentageTier,
    PerUnitCharge,
    Tier,
    UsageCharge,
    VolumeCharge,
)
from billflow.catalog.taxes import Tax, TaxPayer

__all__ = [
    "BillingPeriod",
    "Calendar",
    "Catalog",
    "Charge",
    "Convert",
    "Cycle",
    "Discount",
    "FlatCharge",
    "GraduatedCharge",
    "GraduatedPercentageCharge",
    "Increments",
    "InvoiceRules",
    "MatrixCharge",
    "MatrixPrice",
    "Metric",
    "PackageCharge",
    "PerUnitCharge",
    "PercentageCharge",
    "PercentageTier",
    "PlanVersion",
    "Tax",
    "TaxPayer",
    "Tier",
    "UsageCharge",
    "VolumeCharge",
    "Window",
    "catalog_texts",
    "load_catalog",
    "parse_catalog",
]
