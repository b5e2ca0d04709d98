"""What a mapping may say beside its columns: that quantities are readings of a meter, or rows changes of others.

And by what a database tells the rows that are new.
"""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, field_validator

from billflow.strict_yaml import AtLeastOne, Strict


class Register(Strict):
    """A meter's register: `quantity` is what it shows, and usage is what it has gone on by since the reading before."""

    meter: str = Field(min_length=1)
    """Expression for the device: readings of two devices are never subtracted."""
    rollover: str | None = None
    """Number, or expression for it, at which the register begins at 0 again: "100000" where it has five digits."""
    estimated: str | None = None
    """Condition of readings that are estimates, which the next true reading settles."""

    @property
    def expressions(self) -> dict[str, str]:
        """Option → expression, of those that are given."""
        found = {"meter": self.meter, "rollover": self.rollover, "estimated": self.estimated}
        return {name: text for name, text in found.items() if text is not None}


class Changes(Strict):
    """A feed of changes: of rows with one key the last one is how things are."""

    order: str = Field(min_length=1)
    """Expression that grows with each change of a row: a number or a time."""
    deleted: str | None = None
    """Condition of rows which say that what they name is gone."""
    key: str | None = None
    """Expression for what the source calls the row, by which changes are told to be of one, such as its primary key;
    left out it is the key of the canonical table.
    """

    @property
    def expressions(self) -> dict[str, str]:
        """Option → expression, of those that are given."""
        found = {"order": self.order, "deleted": self.deleted, "key": self.key}
        return {name: text for name, text in found.items() if text is not None}


_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_OVERLAP = re.compile(r"\d+(\.\d+)?( ?(second|minute|hour|day)s?)?")


def _by_names(value: Any) -> str:
    return "~many" if isinstance(value, list | tuple) else "~one"


class Watermark(Strict):
    """A column that grows with each change of a row: what is there already is not read again."""

    column: str = Field(min_length=1)
    key: Annotated[
        Annotated[str, Tag("~one")] | Annotated[tuple[str, ...], AtLeastOne, Tag("~many")], Discriminator(_by_names)
    ]
    """Column of the source, or a list of them, of which no two rows have the same: a row that is read anew takes the
    place of the one that has its key.
    """
    overlap: str | None = None
    """How far below the highest value rows are read again, for those whose transaction ended after later ones had been
    read: "15 minutes" of a time (seconds where there is no unit; 1 hour if left out), 1000 of a number, 0 of a text.
    """

    @field_validator("overlap")
    @classmethod
    def _is_a_number_or_a_duration(cls, overlap: str | None) -> str | None:
        if overlap is not None and not _OVERLAP.fullmatch(overlap):
            raise ValueError("not an overlap; write a number, or a time such as 15 minutes, 1 hour, 2 days")
        return overlap

    @property
    def keys(self) -> tuple[str, ...]:
        """`key` as a list."""
        return (self.key,) if isinstance(self.key, str) else self.key

    @property
    def has_unit(self) -> bool:
        """Whether the overlap can only be one of times."""
        return self.overlap is not None and self.overlap[-1].isalpha()

    @property
    def number(self) -> Decimal | None:
        """The overlap below a number; None when none is given."""
        return None if self.overlap is None or self.has_unit else Decimal(self.overlap)

    @property
    def duration(self) -> timedelta:
        """The overlap below a time."""
        text = self.overlap or "1 hour"
        digits = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
        unit = text[len(digits) :].strip().removesuffix("s") or "second"
        return timedelta(microseconds=int(Decimal(digits) * _SECONDS[unit] * 1_000_000))


def _by_form(value: Any) -> str:
    return "~keyed" if isinstance(value, dict | Watermark) else "~plain"


AnyWatermark = Annotated[Annotated[str, Tag("~plain")] | Annotated[Watermark, Tag("~keyed")], Discriminator(_by_form)]
"""Its column alone, when rows have no key."""


def watermark_column(watermark: str | Watermark | None) -> str | None:
    """The column of either form."""
    return watermark.column if isinstance(watermark, Watermark) else watermark


class MappingOptions(Strict):
    """Options of every mapping, whatever it reads."""

    # BaseModel's metaclass has a method of the name that users write.
    meter_register: Register | None = Field(default=None, alias="register")
    """Of `usage`: `quantity` is what a meter shows, and used is what it has gone on by since the reading before."""
    changes: Changes | None = None
    """Rows are changes of others that have the same key: the last one stands."""

    @property
    def options(self) -> dict[str, str]:
        """Place in the mapping → expression."""
        given = {"register": self.meter_register, "changes": self.changes}
        return {f"{name}.{part}": text for name, one in given.items() if one for part, text in one.expressions.items()}

    def check_options(self, table: str, where: str) -> None:
        """ValueError when an option is not one of the canonical table that is mapped to."""
        if self.meter_register and table != "usage":
            raise ValueError(f"{where}.register: meters give usage only; leave it out here")
