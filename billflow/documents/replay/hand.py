"""Lines of text as pages show them, in one language and one table of codes: once for all bills that have them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import add
from typing import NamedTuple

from billflow.documents.replay.codes import Codes
from billflow.documents.replay.letters import Kerns, ReplayError
from billflow.documents.replay.marks import DOTS, FIGURES, SPACES, USUAL, alphabet
from billflow.documents.replay.trials import Trials, UnlearnedError, pairs_in

MOST_LINES = 20_000
"""Remembered of each kind, a few megabytes; a process that met more begins anew."""
MOST_HANDS = 8

_AT_ENDS = "Typst drops spaces at the ends of lines, and draws two dots as one"
_NONE = b"\0"
_EMPTY = _NONE + b")]TJ"
"""What stands in the place of an empty line that ends right: no code is 0."""
_LINES = re.compile(r"[^\n]+|\n+")

_ALL = bytes(range(256))
_FIGURES_ALIKE = bytes.maketrans(FIGURES.encode(), b"0" * len(FIGURES))
"""Figures are as wide as each other, so few lines of figures differ in their widths."""

Column = tuple[bytes, bytes]
"""Lines, and lines that are as wide."""

Kind = tuple[bool, bool, bool]
"""Of lines: whether they are bold, kerned, and end at their place (`right`)."""


class Shown(NamedTuple):
    """A line: what shows it, its width (1/1,000 em) and its letters."""

    operators: bytes
    width: float
    letters: bytes


class Hand:
    """Writes lines; their kerning must have been learned (`Trials.learn`). ReplayError for what cannot be written."""

    def __init__(self, trials: Trials, codes: Codes) -> None:
        self.codes = codes
        spaces = [codes.encoded(space) for space in SPACES if space in codes.characters]
        self._edges = [(space, space + b"\n", b"\n" + space) for space in spaces]
        self._spaces = b"".join(spaces)
        self._dots = codes.encoded(DOTS) if DOTS[0] in codes.characters else _NONE
        self._usual = bytes(code for code, char in enumerate(codes.characters) if char in USUAL)
        self._alphabets: dict[bytes, str] = {}
        advances = [_Advances(codes, widths) for widths in trials.widths(codes.characters)]
        self._prefixes = [_Prefixes(advance) for advance in advances]
        self.known: Mapping[Kind, Mapping[str, Shown]] = {
            (bold, kerned, right): _Known(
                self.encoded, advances[bold], _Pieces(codes, trials.kerns(bold=bold)) if kerned else None, right=right
            )
            for bold in (False, True)
            for kerned in (False, True)
            for right in (False, True)
        }

    def encoded(self, text: str) -> bytes:
        """The letters of a text, if it can be written as they follow one another."""
        letters = self.codes.encoded(text)
        if letters and (letters[0] in self._spaces or letters[-1] in self._spaces or self._dots in letters):
            raise ReplayError(_AT_ENDS)
        for space, end, begin in self._edges if b"\n" in letters else ():
            if space in letters and (end in letters or begin in letters):
                raise ReplayError(_AT_ENDS)
        return letters

    def lines(self, text: str, *, bold: bool, right: bool) -> list[Shown]:
        """Kerned lines, and the steps from one to the next."""
        known = self.known[bold, True, right]
        return [known[line] for line in (_LINES.findall(text) if "\n" in text else [text])]

    def column(self, column: Column, *, bold: bool, right: bool) -> bytes:
        """Lines that are not kerned, one below the other."""
        letters, kinds = column
        if not right:
            first, more, others = letters.partition(b"\n")
            return b"(%b)Tj" % first + (b"(%b)'" % others.replace(b"\n", b")'(") if more else b"")
        lines, alike = letters.split(b"\n"), kinds.split(b"\n")
        shown = b"%b)]TJ" % b")]TJ T*".join(map(add, map(self._prefixes[bold].__getitem__, alike), lines))
        return shown.replace(_EMPTY, b"") if b"" in lines else shown

    def alphabets(self, letters: tuple[bytes, bytes]) -> tuple[str, str]:
        """Of regular and of bold letters (`marks.alphabet`), with those that most documents have."""
        plain, heavy = (self._alphabet(its.translate(None, self._usual)) for its in letters)
        return plain, heavy

    def _alphabet(self, unusual: bytes) -> str:
        if unusual not in self._alphabets:
            if len(self._alphabets) >= MOST_LINES:
                self._alphabets.clear()
            self._alphabets[unusual] = alphabet({*USUAL, *map(self.codes.characters.__getitem__, unusual)})
        return self._alphabets[unusual]


class Hands:
    """Hands for the tables of codes that bills have, in one language."""

    def __init__(self, trials: Trials) -> None:
        self.trials = trials
        self._known: dict[Codes, Hand] = {}

    def of(self, codes: Codes) -> Hand:
        """ReplayError where Typst has fonts of another kind than is known."""
        if codes not in self._known:
            if len(self._known) >= MOST_HANDS:
                self._known.clear()
            self._known[codes] = Hand(self.trials, codes)
        return self._known[codes]


class Pen:
    """A hand that writes one document, and the letters that it has written."""

    def __init__(self, hand: Hand) -> None:
        self.hand = hand
        self._used: tuple[list[bytes], list[bytes]] = ([], [])

    def columns(self, texts: Sequence[str]) -> Iterator[Column]:
        """The letters of texts that are not kerned: as many as there are characters."""
        letters = self.hand.encoded("\n".join(texts))
        kinds, end = letters.translate(_FIGURES_ALIKE), -1
        for text in texts:
            begin, end = end + 1, end + 1 + len(text)
            yield letters[begin:end], kinds[begin:end]

    def plain(self, column: Column, *, bold: bool, right: bool) -> bytes:
        """Lines that are not kerned, one below the other; those that end `right` begin where they end."""
        self._used[bold].append(column[0])
        return self.hand.column(column, bold=bold, right=right)

    def kerned(self, text: str, *, bold: bool, right: bool) -> bytes:
        """Lines that are."""
        shown = self.hand.lines(text, bold=bold, right=right)
        self._used[bold].extend([line.letters for line in shown])
        return b"".join([line.operators for line in shown])

    def line(self, text: str, kind: Kind) -> Shown:
        shown = self.hand.known[kind][text]
        self._used[kind[0]].append(shown.letters)
        return shown

    def repeated(self, line: str, kerns: Kerns, *, bold: bool) -> bytes:
        """A line with kerning that was seen."""
        self._used[bold].append(letters := self.hand.codes.encoded(line))
        return _kerned(letters, kerns)

    def take(self, letters: tuple[bytes, bytes]) -> None:
        """Regular and bold letters that were written before."""
        for used, its in zip(self._used, letters, strict=True):
            used.append(its)

    def letters(self) -> tuple[bytes, bytes]:
        """Regular and bold letters, each once."""
        plain, heavy = (_ALL.translate(None, _ALL.translate(None, b"".join(used))) for used in self._used)
        return plain, heavy


class _Advances:
    """How wide lines are, in 1/1,000 em, without kerning."""

    def __init__(self, codes: Codes, widths: Mapping[str, float]) -> None:
        self._widths = [widths.get(char, 0.0) for char in codes.characters]

    def of(self, letters: bytes) -> float:
        return round(sum(map(self._widths.__getitem__, letters)), 1)


class _Prefixes(dict[bytes, bytes]):
    """How lines that end right begin."""

    def __init__(self, advances: _Advances) -> None:
        super().__init__()
        self._advances = advances

    def __missing__(self, kind: bytes) -> bytes:
        if len(self) >= MOST_LINES:
            self.clear()
        self[kind] = prefix = b"[%g(" % self._advances.of(kind) if kind else _NONE
        return prefix


class _Pieces(dict[str, bytes]):
    """What stands for the first of two letters in a string, with the kerning behind it."""

    def __init__(self, codes: Codes, kerns: Mapping[str, float]) -> None:
        super().__init__()
        self._codes, self.kerns = codes, kerns

    def __missing__(self, pair: str) -> bytes:
        kern, letter = self.kerns[pair], self._codes.encoded(pair)[:1]
        self[pair] = piece = b"%b)%g(" % (letter, kern) if kern else letter
        return piece


class _Known(dict[str, Shown]):
    """Lines, and the ends of so many, once they have been met."""

    def __init__(
        self, encoded: Callable[[str], bytes], advances: _Advances, pieces: _Pieces | None, *, right: bool
    ) -> None:
        super().__init__()
        self._encoded, self._advances, self._pieces, self._right = encoded, advances, pieces, right

    def __missing__(self, line: str) -> Shown:
        if len(self) >= MOST_LINES:
            self.clear()
        self[line] = shown = Shown(b" T*" * len(line), 0.0, b"") if line.startswith("\n") else self._shown(line)
        return shown

    def _shown(self, line: str) -> Shown:
        letters = string = self._encoded(line)
        width = self._advances.of(letters)
        if self._pieces is not None:
            pairs = pairs_in(line)
            try:
                string = b"".join([*map(self._pieces.__getitem__, pairs), letters[-1:]])
            except KeyError:
                raise UnlearnedError(line) from None
            if len(string) > len(letters):
                width -= sum(map(self._pieces.kerns.__getitem__, pairs))
        if self._right:
            return Shown(b"[%g(%b)]TJ" % (width, string), width, letters)
        return Shown((b"[(%b)]TJ" if len(string) > len(letters) else b"(%b)Tj") % string, width, letters)


def _kerned(letters: bytes, kerns: Kerns) -> bytes:
    if not kerns:
        return b"(%b)Tj" % letters
    parts, begin = [b"["], 0
    for at, kern in kerns:
        parts.append(b"(%b)%g" % (letters[begin:at], kern))
        begin = at
    return b"".join([*parts, b"(%b)]TJ" % letters[begin:]])
