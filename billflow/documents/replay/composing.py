"""Whole documents written from skeletons: Typst lays out nothing of them but an envelope, with their letters in it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from billflow.documents.attempts import Steps
from billflow.documents.objects import Objects
from billflow.documents.replay.codes import COMMON, Codes, codes_of
from billflow.documents.replay.drawing import Hole, Writer, kerned_lines, placed, section
from billflow.documents.replay.embedding import Face, embed
from billflow.documents.replay.hand import Hand, Hands, Pen
from billflow.documents.replay.letters import ReplayError, fonts_of
from billflow.documents.replay.marks import (
    ALPHABET_MARK,
    COMPONENT,
    NUMBER_SIZE,
    Part,
    bold,
    is_plain,
    numbers_of,
    regular,
    stacked,
)
from billflow.documents.replay.skeletons import (
    MOST_SKELETONS,
    Leaf,
    NumberAt,
    PartAt,
    Skeletons,
    Slot,
    path_content,
)
from billflow.documents.replay.slots import Slotted
from billflow.documents.replay.trials import Trials, UnlearnedError
from billflow.documents.replay.writing import MARK, Mark, glyphs_in

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Stencil:
    """A page as it is written for all bills of a skeleton, with places for what is their own: texts, paths (by their
    numbers), sections and the page's number; and the letters that are on all of them.
    """

    pieces: Sequence[bytes | int | Hole | PartAt | NumberAt]
    letters: tuple[bytes, bytes]

    @property
    def holes(self) -> Iterator[Hole]:
        return (piece for piece in self.pieces if isinstance(piece, Hole))

    @classmethod
    def of(cls, leaf: Leaf, hand: Hand) -> "Stencil":
        pen = Pen(hand)
        pieces: list[bytes | int | Hole | PartAt | NumberAt] = [*leaf.drawings, b"\n"]
        text = Writer(pen)
        for item in leaf.items:
            if isinstance(item, PartAt | NumberAt):
                pieces += [*text.pieces(), item]
                text = Writer(pen)
            elif isinstance(item, Slot):
                text.leave(Hole(item.index, item.place.role, item.place.x, item.place.y, item.place.side))
            else:
                text.repeat(item.place.role, item.text, item.kerns, item.place.x, item.place.y)
        return cls(list(_joined([*pieces, *text.pieces()])), pen.letters())


class Composer:
    """Composes documents in one language."""

    def __init__(self, skeletons: Skeletons, hands: Hands) -> None:
        self._skeletons, self._hands = skeletons, hands
        self._stencils: dict[tuple[Codes, Leaf], Stencil] = {}

    def composed(self, bill: Mapping[str, Any], details: Mapping[str, Any], label: str) -> Steps["Composition | None"]:
        """A document, in steps; None where not all of it can be written."""
        parts = [part for page in details["pages"] for part in page["parts"]]
        if any(part["component"] != COMPONENT for part in parts):
            return None
        slotted = Slotted(bill, details)
        if not is_plain("\n".join([label, *slotted.texts])):
            return None
        if (leaves := self._skeletons.of(slotted)) is None:
            return None
        with suppress(ReplayError):
            return (yield from self._composed(leaves, slotted, details, label, COMMON))
        with suppress(ReplayError):
            own = (text for part in parts for text in (*regular(part), *bold(part)))
            seen = (text for leaf in leaves for text in leaf.texts)
            codes = codes_of([label, *slotted.texts, *own, *seen])
            if codes != COMMON:
                return (yield from self._composed(leaves, slotted, details, label, codes))
        return None

    def _composed(
        self, leaves: Sequence[Leaf], slotted: Slotted, details: Mapping[str, Any], label: str, codes: Codes
    ) -> Steps["Composition"]:
        hand = self._hands.of(codes)
        stencils = [self._stencil(leaf, hand) for leaf in leaves]
        sheets = list(_sheets(stencils, details, label))
        yield
        try:
            pen, contents = yield from self._written(sheets, slotted, hand)
        except UnlearnedError:
            self._learn(sheets, slotted.texts)
            pen, contents = yield from self._written(sheets, slotted, hand)
        yield
        letters = pen.letters()
        return Composition(contents, letters, hand.alphabets(letters), codes)

    def _written(
        self, sheets: Sequence["_Sheet"], slotted: Slotted, hand: Hand
    ) -> Steps[tuple[Pen, Sequence[Sequence[bytes]]]]:
        pen = Pen(hand)
        return pen, (yield from _contents(sheets, slotted, pen, self._hands.trials))

    def _learn(self, sheets: Sequence["_Sheet"], texts: Sequence[str]) -> None:
        lines = kerned_lines((part for sheet in sheets for part in sheet.parts), self._hands.trials)
        lines[False].update(sheet.number for sheet in sheets)
        for stencil in {sheet.stencil for sheet in sheets}:
            for hole in stencil.holes:
                if hole.role.kerned:
                    lines[hole.role.bold].add(texts[hole.index])
        self._hands.trials.learn(lines)

    def _stencil(self, leaf: Leaf, hand: Hand) -> Stencil:
        key = (hand.codes, leaf)
        if key not in self._stencils:
            if len(self._stencils) >= MOST_SKELETONS:
                self._stencils.clear()
            self._stencils[key] = Stencil.of(leaf, hand)
        return self._stencils[key]


@dataclass(frozen=True)
class _Sheet:
    """What is written on a page."""

    stencil: Stencil
    parts: Sequence[Part]
    number: str


def _sheets(stencils: Sequence[Stencil], details: Mapping[str, Any], label: str) -> Iterator[_Sheet]:
    first, *others = stencils
    sections = [list(page["parts"]) for page in details["pages"]]
    if details["shared"]:
        pages = [(first, sections[0])]
    else:
        pages = [(first, []), *((others[0] if at == 0 else others[-1], parts) for at, parts in enumerate(sections))]
    for (stencil, parts), number in zip(pages, numbers_of(label, len(pages)), strict=True):
        yield _Sheet(stencil, parts, number)


def _contents(sheets: Sequence[_Sheet], slotted: Slotted, pen: Pen, trials: Trials) -> Steps[Sequence[Sequence[bytes]]]:
    """Pages that are alike differ in sections and numbers only: what is before those is a part that they share."""
    paths = [path_content(path) for path in slotted.paths]
    pages = Counter(sheet.stencil for sheet in sheets)
    filled = {stencil: _filled(stencil, slotted.texts, paths, pen) for stencil in pages}
    yield
    contents = []
    for sheet in sheets:
        first, *others = filled[sheet.stencil]
        own = b"".join([_own(piece, sheet, pen, trials) for piece in others])
        contents.append((first, own) if pages[sheet.stencil] > 1 else (first + own,))
    return contents


def _filled(
    stencil: Stencil, texts: Sequence[str], paths: Sequence[bytes], pen: Pen
) -> tuple[bytes, *tuple[bytes | PartAt | NumberAt, ...]]:
    """With a bill's own texts and paths; it begins with those before any section."""
    pen.take(stencil.letters)
    found: list[bytes | PartAt | NumberAt] = []
    written: list[bytes] = []
    for piece in stencil.pieces:
        if isinstance(piece, bytes):
            written.append(piece)
        elif isinstance(piece, Hole):
            written.append(placed(pen, texts[piece.index], piece))
        elif isinstance(piece, int):
            written.append(paths[piece])
        else:
            found += [b"".join(written), piece]
            written = []
    first, *others = [*found, b"".join(written)]
    return cast("bytes", first), *others


def _own(piece: bytes | PartAt | NumberAt, sheet: _Sheet, pen: Pen, trials: Trials) -> bytes:
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, PartAt):
        sections = (section(part, pen, trials, piece.left, piece.top - below) for part, below in stacked(sheet.parts))
        return b"".join(sections)
    text, place = Writer(pen), piece.place
    text.place(place.role.of_size(NUMBER_SIZE), sheet.number, place.x, place.y, side=1)
    return text.content()


def _joined(pieces: Iterable[bytes | T]) -> Iterator[bytes | T]:
    """Bytes that follow one another are one."""
    some: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, bytes):
            some.append(piece)
            continue
        if some:
            yield b"".join(some)
            some = []
        yield piece
    if some:
        yield b"".join(some)


@dataclass(frozen=True)
class Composition:
    """A document: the contents of its pages, in parts of which several pages may have the same; the letters that are
    on them (regular and bold), those that its fonts are made for, and their codes.
    """

    written: Sequence[Sequence[bytes]]
    letters: tuple[bytes, bytes]
    alphabets: tuple[str, str]
    codes: Codes

    @property
    def pages(self) -> int:
        return len(self.written)

    @property
    def envelope(self) -> list[list[Any]]:
        """The letters that Typst sets, as `envelope.typ` takes them."""
        return [[400, ALPHABET_MARK, self.alphabets[0]], [600, ALPHABET_MARK, self.alphabets[1]]]

    def written_into(self, pdf: Objects) -> list[tuple[int, Sequence[bytes]]]:
        """The pages in order, all like the one that there is (0), whose fonts get their codes. ReplayError where that
        is not as expected.
        """
        self.put_files(pdf, self.embed_fonts(pdf))
        return [(0, parts) for parts in self.written]

    def embed_fonts(self, pdf: Objects) -> list[Face]:
        """Gives the fonts of an envelope their codes. ReplayError where it is not as expected."""
        [page] = pdf.pages
        fonts = fonts_of(pdf, page.body)
        marks = [Mark.of(found) for found in MARK.finditer(pdf.stream(page.content))]
        glyphs = glyphs_in(marks, self.alphabets, self.codes)
        return embed(pdf, [fonts[mark.font] for mark in marks], self.codes, glyphs)

    def put_files(self, pdf: Objects, faces: Sequence[Face]) -> None:
        """Fonts with the letters that there are, and no others."""
        for face, its in zip(faces, self.letters, strict=True):
            pdf.objects[face.number - 1] = face.file(its)
