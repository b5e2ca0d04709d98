"""What is found in a document, in words for whoever designs the templates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from billflow.documents.proofs.boxes import Box

Kind = Literal["outside", "overlap", "lost", "spilled", "broken", "written", "empty"]
Severity = Literal["error", "note"]

MOST_TOLD = 3
LONGEST = 48


@dataclass(frozen=True)
class Finding:
    """One thing to look at: `what` is a sentence, `page` counts from 1 or is None where it is of no page.

    Kinds: `outside`, text beyond the page or too near to its edge; `overlap`, text on top of other text; `lost`, text
    that is not on paper; `spilled`, text on a later page than planned; `broken`, a PDF that cannot be read; `written`,
    what was written into the page is not what Typst lays out; `empty`, a column with empty cells. `boxes` are where to
    look, in points from the page's upper left corner.
    """

    kind: Kind
    page: int | None
    what: str
    severity: Severity = "error"
    boxes: tuple[Box, ...] = ()


def quoted(text: str) -> str:
    """A text in quotation marks, cut where it is long."""
    line = " ".join(text.split())
    return f'"{line}"' if len(line) <= LONGEST else f'"{line[: LONGEST - 1].rstrip()}…"'


def told(parts: Iterable[str]) -> str:
    """The first of some parts, and how many more there are: `"a", "b" and 4 more`."""
    unique: Sequence[str] = list(dict.fromkeys(parts))
    shown, more = unique[:MOST_TOLD], len(unique) - MOST_TOLD
    if more > 0:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
