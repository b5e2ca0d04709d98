"""Whole documents written from skeletons: Typst lays out nothing of them but an envelope, with their letters in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billflow.documents.objects import Objects
from billflow.documents.replay.drawing import Hand, Writer, kerned_lines, section
from billflow.documents.replay.letters import Letters, ReplayError, fonts_of
from billflow.documents.replay.marks import (
    ALPHABET_MARK,
    NUMBER_SIZE,
    Part,
    alphabet,
    bold,
    is_plain,
    is_written,
    numbers_of,
    regular,
    stacked,
)
from billflow.documents.replay.skeletons import Leaf, NumberAt, PartAt, Skeletons, Slot, path_content, texts_of
from billflow.documents.replay.slots import Slotted
from billflow.documents.replay.trials import Trials
from billflow.documents.replay.writing import MARK, Mark


@dataclass(frozen=True)
class Composition:
    """A document: the leaf that each page is like, the sections on it and its number; and a bill's own texts."""

    leaves: Sequence[Leaf]
    sections: Sequence[Sequence[Part]]
    numbers: Sequence[str]
    slotted: Slotted
    alphabets: tuple[str, str]
    trials: Trials

    @classmethod
    def of(
        cls, bill: Mapping[str, Any], details: Mapping[str, Any], label: str, skeletons: Skeletons, trials: Trials
    ) -> "Composition | None":
        """None where not all of a document can be written."""
        parts = [part for page in details["pages"] for part in page["parts"]]
        if not (is_plain(label) and all(map(is_written, parts))):
            return None
        slotted = Slotted.of(bill, details)
        if not is_plain("\n".join(slotted.texts)) or (leaves := skeletons.of(slotted)) is None:
            return None
        pages, sections = _paged(leaves, details)
        numbers = numbers_of(label, len(pages))
        composition = cls(pages, sections, numbers, slotted, _alphabets(leaves, slotted, parts, numbers), trials)
        composition._learn(leaves, parts)
        return composition

    def _learn(self, leaves: Sequence[Leaf], parts: Sequence[Part]) -> None:
        lines = kerned_lines(parts, self.trials)
        lines[False].update(self.numbers)
        for item in (item for leaf in leaves for item in leaf.items):
            if isinstance(item, Slot) and item.place.role.kerned:
                lines[item.place.role.bold].add(self.slotted.texts[item.index])
        self.trials.learn(lines)

    @property
    def pages(self) -> int:
        return len(self.leaves)

    @property
    def envelope(self) -> list[list[Any]]:
        """The letters that Typst sets, as `envelope.typ` takes them."""
        return [[400, ALPHABET_MARK, self.alphabets[0]], [600, ALPHABET_MARK, self.alphabets[1]]]

    def contents(self, pdf: Objects) -> list[tuple[int, bytes]]:
        """The pages in order, all like the one that there is (0). ReplayError where that is not as expected."""
        try:
            return [(0, content) for content in self._contents(pdf)]
        except (KeyError, ValueError) as problem:
            raise ReplayError(f"something is not as Typst writes it: {problem!r}") from problem

    def _contents(self, pdf: Objects) -> Iterator[bytes]:
        [page] = pdf.pages
        fonts = fonts_of(pdf, page.body)
        marks = [Mark.of(found) for found in MARK.finditer(pdf.stream(page.content))]
        if len(marks) != len(self.alphabets):
            raise ReplayError("there are more or fewer alphabets than two")
        plain, heavy = (
            Letters.of(pdf, fonts[mark.font], letters, mark.shown)
            for mark, letters in zip(marks, self.alphabets, strict=True)
        )
        hand, names = Hand(plain, heavy, self.trials), {font: name for name, font in fonts.items()}
        paths = [path_content(path) for path in self.slotted.paths]
        written = {id(leaf): list(self._written(leaf, paths, hand, names)) for leaf in self.leaves}
        for leaf, parts, number in zip(self.leaves, self.sections, self.numbers, strict=True):
            pieces = (_filled(piece, parts, number, hand, names) for piece in written[id(leaf)])
            yield b"".join(pieces)

    def _written(
        self, leaf: Leaf, paths: Sequence[bytes], hand: Hand, names: Mapping[int, bytes]
    ) -> Iterator[bytes | PartAt | NumberAt]:
        """A leaf with a bill's own texts and paths: pages that are like it differ in sections and numbers only."""
        yield b"".join(paths[one] if isinstance(one, int) else one for one in leaf.drawings) + b"\n"
        text = Writer(hand, names)
        for item in leaf.items:
            if isinstance(item, PartAt | NumberAt):
                yield text.content()
                yield item
                text = Writer(hand, names)
            elif isinstance(item, Slot):
                place = item.place
                text.place(place.role, self.slotted.texts[item.index], place.x, place.y, side=place.side)
            else:
                text.repeat(item.place.role, item.text, item.kerns, item.place.x, item.place.y)
        yield text.content()


def _filled(
    piece: bytes | PartAt | NumberAt, parts: Sequence[Part], number: str, hand: Hand, names: Mapping[int, bytes]
) -> bytes:
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, PartAt):
        sections = (section(part, hand, names, piece.left, piece.top - below) for part, below in stacked(parts))
        return b"".join(sections)
    text, place = Writer(hand, names), piece.place
    text.place(place.role.of_size(NUMBER_SIZE), number, place.x, place.y, side=1)
    return text.content()


def _paged(leaves: Sequence[Leaf], details: Mapping[str, Any]) -> tuple[list[Leaf], list[list[Part]]]:
    """The leaf of each page, and its sections."""
    first, *others = leaves
    sections = [list(page["parts"]) for page in details["pages"]]
    if details["shared"]:
        return [first], sections
    return [first, *(others[0] if index == 0 else others[-1] for index in range(len(sections)))], [[], *sections]


def _alphabets(
    leaves: Sequence[Leaf], slotted: Slotted, parts: Sequence[Part], numbers: Sequence[str]
) -> tuple[str, str]:
    texts: tuple[list[str], list[str]] = ([*numbers], [])
    for role, text in texts_of(leaves, slotted.texts):
        texts[role.bold].append(text)
    for part in parts:
        texts[0].extend(regular(part))
        texts[1].extend(bold(part))
    plain, heavy = (alphabet("\n".join(found)) for found in texts)
    return plain, heavy
