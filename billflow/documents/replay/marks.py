"""Which sections of a document are written afterwards, and the marks that stand in their place until then."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

COMPONENT = "table"
"""What draws sections that can be written: a section's own component has its own idea of rows."""
SHAPING = ("invoice.typ", "components/theme.typ", f"components/{COMPONENT}.typ", "components/written.typ")
"""The templates that decide how rows look: a project's own may set other distances."""
FURNITURE = "components/header.typ"
"""What draws the head and the foot of a page: a project's own may print there what no other page has."""
BETWEEN = 2
"""Lines between two sections of a page, as in `invoice.typ`."""

PART_MARK, ALPHABET_MARK = 1.0007, 2.0007
NUMBER_SIZE = 7.0
NUMBER_MARK = 7.0007
"""Sizes (points) of the marks of a section, of letters and of page numbers; no other text has such."""

_PLAIN = frozenset(
    map(
        chr,
        [
            10,
            *range(0x20, 0x7F),
            *range(0xA0, 0xAD),
            *range(0xAE, 0x180),
            *map(ord, "\u2002\u2007\u2009\u202f–—‘’“”•…€−"),
        ],
    )
)
"""Letters that follow each other as they are, one glyph each: no marks to place, no joining, no soft hyphen."""
_SECONDS = {"Q": "[uv]", "f": "[])?TVWYbhijkl|}¦ª²³¶¹Ýàãäèëìíîïòõöùüþÿāăēĕěĥħĩīĭįĳĵĺļľŀłōūŭ‘’“”]"}
TOGETHER = re.compile("|".join(f"{first}{second}" for first, second in _SECONDS.items()))
"""Pairs of them whose first letter `fonts.LATIN` draws otherwise than alone."""
_DRAWN = {first: re.compile(f"{first}(?={second})") for first, second in _SECONDS.items()}
FIRSTS = {first: chr(0xE000 + ord(first)) for first in "Qf"}
"""Those first letters, and what stands for them there: a character that no plain text has."""
_PAIRS = {"Q": "Qu", "f": "fi"}
DOTS = "··"
"""Drawn as one."""
FIGURES = "0123456789"
USUAL = f"{FIGURES}ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz&'()+,-./:@_{''.join(FIRSTS.values())}"
"""Letters that fonts are made for whichever a document has, so that most documents need no others."""
SPACES = " \u2007\u2009\u202f"
"""Typst drops them at the ends of lines."""
_SPACES = frozenset(SPACES)
_USUALLY_PLAIN = bytes([10, *range(0x20, 0x7F)])
"""Those of them that have one byte in UTF-8."""

Part = Mapping[str, Any]
Details = Mapping[str, Any]


@dataclass(frozen=True)
class Write:
    """A section, the mark of its page that it stands at, and how far below that it begins (points)."""

    part: Part
    mark: int
    below: float = 0.0


@dataclass(frozen=True)
class PageOf:
    """A page of the finished document: a page that Typst lays out, by its index, and what is written on it."""

    source: int
    writes: tuple[Write, ...] = ()


@dataclass(frozen=True)
class Replay:
    """All pages of a document, its letters in regular and in bold (`alphabet`), and what their page numbers say;
    None where Typst prints those.
    """

    pages: tuple[PageOf, ...]
    alphabets: tuple[str, str]
    numbers: tuple[str, ...] | None

    @property
    def sources(self) -> int:
        """How many pages Typst lays out."""
        return len({page.source for page in self.pages})


def is_plain(text: str) -> bool:
    """Whether a text can be written glyph by glyph."""
    others = text.encode(errors="surrogatepass").translate(None, _USUALLY_PLAIN).decode(errors="surrogatepass")
    return _PLAIN.issuperset(others) and DOTS not in text and not _has_spaces_at_ends(text)


def _has_spaces_at_ends(text: str) -> bool:
    """Of lines."""
    if text[:1] in _SPACES or text[-1:] in _SPACES:
        return True
    return any(space in text and (f"{space}\n" in text or f"\n{space}" in text) for space in SPACES)


def is_letter(char: str) -> bool:
    """Whether a character has a glyph that can be written: also what stands for the first letter of a pair."""
    return (char in _PLAIN and char != "\n") or char in FIRSTS.values()


def separated(text: str) -> str:
    """A text with a character for each glyph."""
    for first, private in FIRSTS.items():
        if first in text:
            text = _DRAWN[first].sub(private, text)
    return text


def is_written(part: Part) -> bool:
    """Whether a section can be."""
    return part["component"] == COMPONENT and is_plain("\n".join([*regular(part), *bold(part)]))


def regular(part: Part) -> Iterator[str]:
    """The texts of a section that are not bold."""
    yield part["continues"]
    yield from part["labels"]
    for lane in part["lanes"]:
        yield from lane["cells"]
        yield from lane["labels"]


def bold(part: Part) -> Iterator[str]:
    """The texts of a section that are bold."""
    yield part["title"]
    for lane in part["lanes"]:
        for layer in lane["titles"]:
            yield from layer["texts"]


def height_of(part: Part) -> float:
    return float(part["head"] + part["lines"] * part["pitch"])


def marked(details: Details, page_label: str | None) -> tuple[dict[str, Any], Replay | None]:
    """Details for Typst, with marks in the place of sections, and what is to be written; None if nothing is.

    With `page_label` ("Page {page} of {pages}") pages on which nothing but sections is, and all are written, are laid
    out once.
    """
    pages = details["pages"]
    written = [[is_written(part) for part in page["parts"]] for page in pages]
    if not any(any(parts) for parts in written):
        return dict(details), None
    numbered = page_label is not None and is_plain(page_label)
    gathered, own = _Gathered(0 if details["shared"] else 1), bool(details["shared"] or details["taken"])
    for index, (page, can) in enumerate(zip(pages, written, strict=True)):
        if numbered and all(can) and not (index == 0 and own):
            gathered.add_copy(page["parts"])
        else:
            gathered.add(page["parts"], can)
    count = len(gathered.pages)
    numbers = numbers_of(page_label, count) if numbered and page_label else None
    alphabets = _alphabets([write.part for page in gathered.pages for write in page.writes], numbers or ())
    return {**details, "pages": gathered.laid_out(alphabets)}, Replay(tuple(gathered.pages), alphabets, numbers)


def numbers_of(label: str, pages: int) -> tuple[str, ...]:
    """What the pages' numbers say, as the template writes them: a label may do without either."""
    return tuple(label.replace("{page}", str(page)).replace("{pages}", str(pages)) for page in range(1, pages + 1))


class _Gathered:
    """Pages for Typst and pages of the document, of which those `before` the details have nothing written on them."""

    def __init__(self, before: int) -> None:
        self._before = before
        self._sources: list[list[dict[str, Any]]] = []
        self._model: int | None = None
        self.pages = [PageOf(0)] * before

    def add(self, parts: Sequence[Part], can: Sequence[bool]) -> None:
        """A page that Typst lays out, with marks in the places of some sections."""
        chosen = [part for part, written in zip(parts, can, strict=True) if written]
        writes = tuple(Write(part, mark) for mark, part in enumerate(chosen))
        shown = [_mark_of(part) if written else dict(part) for part, written in zip(parts, can, strict=True)]
        self.pages.append(PageOf(self._source(shown), writes))

    def add_copy(self, parts: Sequence[Part]) -> None:
        """A page like all others whose sections are written: one mark stands for all of them."""
        if self._model is None:
            self._model = self._source([_mark_of(parts[0])])
        self.pages.append(PageOf(self._model, tuple(Write(part, 0, below) for part, below in stacked(parts))))

    def laid_out(self, alphabets: tuple[str, str]) -> list[dict[str, Any]]:
        """The pages for Typst; its first mark brings the letters along."""
        first = next(part for parts in self._sources for part in parts if "mark" in part)
        first["alphabets"] = [[400, ALPHABET_MARK, alphabets[0]], [600, ALPHABET_MARK, alphabets[1]]]
        return [{"parts": parts} for parts in self._sources]

    def _source(self, shown: list[dict[str, Any]]) -> int:
        self._sources.append(shown)
        return self._before + len(self._sources) - 1


def _mark_of(part: Part) -> dict[str, Any]:
    return {
        "component": "written",
        "mark": PART_MARK,
        "height": height_of(part),
        "pitch": part["pitch"],
        "alphabets": [],
    }


def stacked(parts: Sequence[Part]) -> Iterator[tuple[Part, float]]:
    """Sections, and how far below the first each begins (points)."""
    below = 0.0
    for part in parts:
        yield part, below
        below += height_of(part) + BETWEEN * part["pitch"]


def _alphabets(parts: Sequence[Part], numbers: Sequence[str]) -> tuple[str, str]:
    plain = "\n".join([*(text for part in parts for text in regular(part)), *numbers])
    heavy = "\n".join(text for part in parts for text in bold(part))
    return alphabet({*FIGURES, *separated(plain)}), alphabet({*FIGURES, *separated(heavy)})


def alphabet(letters: Iterable[str]) -> str:
    """Each letter once, and after them a pair for each that stands for the first letter of one (`FIRSTS`), all by
    themselves.

    None of the characters is drawn together with the next; Typst drops spaces at the ends of lines.
    """
    return _alphabet("".join(sorted({*letters} - {"\n", " "})))


@lru_cache(maxsize=256)
def _alphabet(letters: str) -> str:
    pairs = [_PAIRS[first] for first, private in FIRSTS.items() if private in letters]
    alone = [letter for letter in letters if letter not in FIRSTS.values()]
    listed = alone[0]
    for letter in alone[1:]:
        listed += f" {letter}" if TOGETHER.search(listed[-1] + letter) else letter
    return " ".join([f"{listed} {alone[0]}", *pairs])
