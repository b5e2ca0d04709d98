"""What is said of servers, in the same words for all kinds of them, and never with a password."""

from collections.abc import Mapping
from typing import Any

from billflow.errors import PassingError, SettingsError
from billflow.shown_values import without_passwords

_SHOWN, _SHOWN_OF_VALUE = 100, 24


def server_error(what: str, *, passes: bool, where: str, url: str, mend: str) -> PassingError | SettingsError:
    """A driver's error as PassingError when it `passes`, else as SettingsError with the keys that are to `mend`."""
    told, place = without_passwords(" ".join(what.split())), f"{where} ({without_passwords(url)})"
    if passes:
        remedy = "see that it runs, then run again"
        return PassingError(f"the database does not answer: {told}", where=place, remedy=remedy)
    return SettingsError(f"the database refuses: {told}", where=place, remedy=f"mend {mend}")


def sample_of(shown: str, url: str, first: str | None, nothing: str) -> str:
    """Where rows are and the first of them, cut where it is long; or that there is none yet."""
    text = nothing if first is None else " ".join(first.split())
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return f"{shown} of {without_passwords(url)}: {cut}"


def sample_row(shown: str, url: str, row: Mapping[str, Any] | None) -> str:
    """Where rows are and the values of the first of them; or that there is none yet."""
    told = "no row yet" if row is None else ", ".join(f"{name}={_shortened(value)}" for name, value in row.items())
    return f"{shown} of {without_passwords(url)}: {told}"


def _shortened(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN_OF_VALUE else f"{text[:_SHOWN_OF_VALUE]}…"


def same_names(names: str, where: str) -> SettingsError:
    """Rows have two columns of one name, which Spark does not tell apart by capitals."""
    remedy = "give each a name of its own in the query (AS)"
    return SettingsError(f"the rows have two columns of one name: {names}", where=where, remedy=remedy)


def no_column(name: str, where: str) -> SettingsError:
    """Rows are to be cut or compared by a column that they do not have. `where` is the key that names it."""
    remedy = "name one of their columns, as the key is"
    return SettingsError(f"the rows have no column {name!r}", where=where, remedy=remedy)
