"""The levels of reminding that a bill reaches when it stays open: `dunning` in billflow.yaml."""

from decimal import Decimal
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field

from billflow.strict_yaml import ExactDecimal, Strict


class DunningLevel(Strict):
    """A level of reminding."""

    level: int = Field(ge=1)
    after_days: int = Field(ge=1)
    """Reached when the bill is overdue by so many days."""
    name: str
    fee: ExactDecimal = Field(default=Decimal(0), ge=0)
    """In the bill's currency."""
    minimum: ExactDecimal = Field(default=Decimal(0), ge=0)
    """Bills with less open, in their own currency, do not reach the level."""


def _ascending(levels: tuple[DunningLevel, ...]) -> tuple[DunningLevel, ...]:
    for before, after in pairwise(levels):
        if before.level >= after.level:
            raise ValueError(f"level {after.level} comes after level {before.level}; write them in ascending order")
        if before.after_days >= after.after_days:
            raise ValueError(
                f"level {after.level} is reached after {after.after_days} days, and level {before.level} before it "
                f"after {before.after_days}; let each level need more days than the one before"
            )
    return levels


DunningLevels = Annotated[tuple[DunningLevel, ...], AfterValidator(_ascending)]

DEFAULT_LEVELS = (
    DunningLevel(level=1, after_days=7, name="Reminder"),
    DunningLevel(level=2, after_days=21, name="Second reminder"),
    DunningLevel(level=3, after_days=35, name="Final notice"),
)
