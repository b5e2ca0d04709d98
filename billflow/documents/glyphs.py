"""Characters that no font at hand has: found before a bill is printed, because Typst prints an empty box for them.

What a reader needs to know whom and what a bill is for is letters, marks and digits. A bill that lacks one of them is
held with the reason; a font mends it. Anything else (an emoji in a name, a private character, a leftover control code)
is printed as its code point, `[U+1F600]`, and the bill's `remarks` say so: the customer gets the bill, and an auditor
sees on paper and in the table what stood there. A character that is invisible by nature, such as a joiner, a
variation selector or a direction mark, is no missing one.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from billflow.documents.specimen import Specimen
from billflow.errors import MachineError

CARRY_MEANING = frozenset("LN")
"""General categories (their first letter) without which a bill cannot be read; marks (Mn, Mc) too."""

NEVER_PRINTED = frozenset({"Cc", "Co", "Cs"})
"""Control codes, private characters (a font may have its own idea of them) and halves of a UTF-16 pair."""

MOST_TOLD = 10

Found = tuple[str, str]  # character, where it stands: `customer.name`, `lines[2].description`


class MissingGlyphsError(MachineError):
    """A bill has letters or digits that no font at hand has."""


class Glyphs:
    """What has been found printable so far: characters, and characters with the marks on them."""

    def __init__(self, specimen: Specimen) -> None:
        self._specimen = specimen
        self._printable = {"\n"}
        self._missing: set[str] = set()
        self._marks: set[str] = set()

    def missing(self, texts: Iterable[str]) -> set[str]:
        """The characters of the texts that no font has. Costs a set of characters, and a compilation for new ones."""
        texts = list(texts)
        met = set[str]().union(*texts)
        novel = met - self._printable - self._missing
        self._marks |= {char for char in novel if unicodedata.category(char)[0] == "M"}
        if on_paper := met & self._marks:
            clusters = self._clusters(texts, on_paper)
            novel |= clusters - self._printable - self._missing
            met |= clusters
        if novel:
            self._ask(novel)
        return set().union(*(met & self._missing))

    def _ask(self, novel: set[str]) -> None:
        never = {text for text in novel if any(unicodedata.category(char) in NEVER_PRINTED for char in text)}
        self._missing |= never | set(self._specimen.unprintable(sorted(novel - never)))
        self._printable |= novel - self._missing

    def _clusters(self, texts: Iterable[str], marks: set[str]) -> set[str]:
        """Letters with their marks: a font may have either and still not both."""
        marked = re.compile(f"[^{''.join(sorted(marks))}\\W\\d_][{''.join(sorted(marks))}]+")
        return set().union(*(marked.findall(text) for text in texts))


def places(value: Any, missing: Collection[str], path: str = "") -> Iterator[Found]:
    """Each missing character of a payload and where it stands."""
    if isinstance(value, str):
        yield from ((char, path) for char in dict.fromkeys(value) if char in missing)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from places(part, missing, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from places(part, missing, f"{path}[{index}]")


def replaced(value: Any, missing: Collection[str]) -> Any:
    """A payload with code points in place of missing characters."""
    if isinstance(value, str):
        return "".join(f"[U+{ord(char):04X}]" if char in missing else char for char in value)
    if isinstance(value, dict):
        return {key: replaced(part, missing) for key, part in value.items()}
    return [replaced(part, missing) for part in value] if isinstance(value, list) else value


def carry_meaning(chars: Iterable[str]) -> bool:
    """Whether a bill cannot do without one of these characters."""
    return any(
        category[0] in CARRY_MEANING or category in {"Mn", "Mc"} for category in map(unicodedata.category, chars)
    )


def told(found: Iterable[Found]) -> str:
    """`U+1F600 GRINNING FACE in customer.name, …`."""
    unique = list(dict.fromkeys(found))
    shown = [f"{_named(char)} in {place}" for char, place in unique[:MOST_TOLD]]
    more = len(unique) - MOST_TOLD
    return ", ".join(shown + ([f"{more} more"] if more > 0 else []))


def _named(char: str) -> str:
    return f"U+{ord(char):04X} {unicodedata.name(char, f'({unicodedata.category(char)})')}"
