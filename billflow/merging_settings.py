"""`merging:` of billflow.yaml: which accounts of several systems are one customer."""

from decimal import Decimal
from typing import Literal

from pydantic import Field, model_validator

from billflow.strict_yaml import ExactDecimal, Strict

Key = Literal["tax_id", "registration_number", "email", "phone"]


class Matching(Strict):
    """Accounts that are probably one customer, by names, addresses and dates. Needs the extra `merging`."""

    merge: ExactDecimal = Field(default=Decimal("0.99"), gt=Decimal("0.95"), le=1)
    """Pairs at least as probable are merged, if neither account has a better or equal one in the other's system. Pairs
    in which something speaks against one customer, twins say, are never more probable than 0.95."""
    ask: ExactDecimal = Field(default=Decimal("0.5"), gt=0, le=1)
    """Pairs at least as probable are listed in `merge_candidates`, for people to decide."""
    within_systems: bool = False
    """Whether two accounts of one system may be one customer too."""

    @model_validator(mode="after")
    def _asks_below(self) -> "Matching":
        if self.ask > self.merge:
            raise ValueError(
                "ask is above merge, so that pairs between them were neither asked for nor merged; lower it"
            )
        return self


class Merging(Strict):
    """Decisions (table `crosswalk`) always win, then equal keys, then what is probable."""

    keys: tuple[Key, ...] = ("tax_id", "registration_number")
    """Accounts in which one of these is equal, but for case and punctuation, are one customer."""
    match: Matching | None = None
    consolidated_bills: bool = True
    """Whether bills of other systems, and a customer's other invoices, are shown on one bill."""
