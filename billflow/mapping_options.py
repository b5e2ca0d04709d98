"""What a mapping may say beside its columns: that quantities are readings of a meter, or rows changes of others."""

from pydantic import Field

from billflow.strict_yaml import Strict


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
