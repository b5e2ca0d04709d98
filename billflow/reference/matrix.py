"""Which price of a matrix an event has (PRICING §2, §6)."""

from decimal import Decimal

from billflow.catalog import MatrixCharge
from billflow.reference.local_events import LocalEvent


def price_position(charge: MatrixCharge, local: LocalEvent) -> int | None:
    """The place, in catalogue order, of the price that fits and names most dimensions.

    The default comes after all of them. None when no price fits and there is no default.
    """
    fitting = [place for place, price in enumerate(charge.prices) if local.fits(price.when)]
    if fitting:
        return max(fitting, key=lambda place: len(charge.prices[place].when))
    return None if charge.default is None else len(charge.prices)


def price_at(charge: MatrixCharge, position: int) -> Decimal:
    """The unit price at a position that `price_position` gave."""
    prices = [price.unit_price for price in charge.prices]
    return [*prices, charge.default or Decimal(0)][position]
