"""What is said of servers, in the same words for all kinds of them, and never with a password."""

from billflow.errors import PassingError, SettingsError
from billflow.strict_yaml import without_passwords

_SHOWN = 100


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
