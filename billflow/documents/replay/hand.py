"""Lines of text as pages show them, in one language and one table of codes: once for all bills that have them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from billflow.documents.replay.codes import Codes
from billflow.documents.replay.letters import Kerns, ReplayError
from billflow.documents.replay.marks import DOTS, FIGURES, SPACES, USUAL, alphabet
from billflow.documents.replay.trials import Trials, UnlearnedError, pairs_in

MOST_LINES = 20_000
"""Remembered of each kind, a few megabytes; a process that met more begins anew."""
MOST_HANDS = 8

_AT_ENDS = "Typst drops spaces at the ends of lines, and draws two dots as one"
_NONE = b"\0"
_NEXT = b")]TJ T*"
_EMPTY = _NONE + b")]TJ"
"""What stands in the place of an empty line that ends right: no code is 0."""
_LINES = re.compile(r"[^\n]+|\n+")

_ALL = bytes(range(256))
_FIGURES_ALIKE = bytes.maketrans(FIGURES.encode(), b"0" * len(FIGURES))
"""Figures are as wide as each other, so few lines of figures differ in their widths."""

Column = tuple[bytes, bytes]
"""Lines, and lines that are as wide."""

Kind = tuple[bool, bool, float]
"""Of lines: whether they are bold, kerned, and whether they begin (0), end (1) or have their middle (0.5) at their
place (`side`).
"""
Shown = tuple[bytes, float]
"""What shows a line, and its width (1/1,000 em) where the side on which it stays asks for that."""


class Hand:
    """Writes lines; their kerning must have been learned (`Trials.learn`). ReplayError for what cannot be written."""

    def __init__(self, trials: Trials, codes: Codes) -> None:
        self.codes = codes
        spaces = [codes.encoded(space) for space in SPACES if space in codes.characters]
        self._edges = [(space, space + b"\n", b"\n" + space) for space in spaces]
        self._spaces = b"".join(spaces)
        self._dot = codes.encoded(DOTS[0]) if DOTS[0] in codes.characters else _NONE
        self._usual = bytes(code for code, char in enumerate(codes.characters) if char in USUAL)
        self._alphabets: dict[bytes, str] = {}
        advances = [_Advances(codes, widths) for widths in trials.widths(codes.characters)]
        self._prefixes = [_Prefixes(advance) for advance in advances]
        kerned = [_Pieces(codes, trials.kerns(bold=bold), advances[bold].widths) for bold in (False, True)]
        self._rulers = {
            (bold, kerns): _Ruler(self.encoded, advances[bold], kerned[bold] if kerns else None)
            for bold in (False, True)
            for kerns in (False, True)
        }
        self.known: Mapping[Kind, Mapping[str, Shown]] = {
            (*look, side): _Known(ruler, side) for look, ruler in self._rulers.items() for side in (0, 0.5, 1)
        }

    def encoded(self, text: str) -> bytes:
        """The letters of a text, if it can be written as they follow one another."""
        letters = self.codes.encoded(text)
        if letters and (letters[0] in self._spaces or letters[-1] in self._spaces or self._has_dots(letters)):
            raise ReplayError(_AT_ENDS)
        for space, end, begin in self._edges if b"\n" in letters else ():
            if space in letters and (end in letters or begin in letters):
                raise ReplayError(_AT_ENDS)
        return letters

    def _has_dots(self, letters: bytes) -> bool:
        return self._dot in letters and self._dot * len(DOTS) in letters

    def lines(self, text: str, *, bold: bool, right: bool) -> bytes:
        """Kerned lines, and the steps from one to the next."""
        known = self.known[bold, True, right]
        if "\n" not in text:
            return known[text][0]
        return b"".join([known[line][0] for line in _LINES.findall(text)])

    def width(self, line: str, kind: Kind) -> float:
        """How wide a line is (1/1,000 em)."""
        bold, kerned, _ = kind
        return self._rulers[bold, kerned].measured(line)[1]

    def column(self, column: Column, *, bold: bool, right: bool) -> bytes:
        """Lines that are not kerned, one below the other."""
        letters, kinds = column
        if not right:
            first, more, others = letters.partition(b"\n")
            return b"(%b)Tj" % first + (b"(%b)'" % others.replace(b"\n", b")'(") if more else b"")
        lines = letters.split(b"\n")
        parts = [b""] * (2 * len(lines))
        parts[::2] = map(self._prefixes[bold].__getitem__, kinds.split(b"\n"))
        parts[1::2] = lines
        shown = b"%b)]TJ" % b"".join(parts).removeprefix(_NEXT)
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
        self._lines: tuple[list[str], list[str]] = ([], [])

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
        self._lines[bold].append(text)
        return self.hand.lines(text, bold=bold, right=right)

    def line(self, text: str, kind: Kind) -> Shown:
        """What shows a line that is not empty."""
        self._lines[kind[0]].append(text)
        return self.hand.known[kind][text]

    def repeated(self, line: str, kerns: Kerns, *, bold: bool) -> bytes:
        """A line with kerning that was seen."""
        self._used[bold].append(letters := self.hand.codes.encoded(line))
        return _kerned(letters, kerns)

    def take(self, letters: tuple[bytes, bytes]) -> None:
        """Regular and bold letters that were written before."""
        for used, its in zip(self._used, letters, strict=True):
            used.append(its)

    def letters(self) -> tuple[bytes, bytes]:
        """Regular and bold letters, each once. ReplayError where a line cannot be written as its letters follow."""
        for used, lines in zip(self._used, self._lines, strict=True):
            used.append(self.hand.encoded("\n".join(lines)))
            lines.clear()
        plain, heavy = (_ALL.translate(None, _ALL.translate(None, b"".join(used))) for used in self._used)
        return plain, heavy


class _Advances:
    """How wide lines are, in 1/1,000 em, without kerning."""

    def __init__(self, codes: Codes, widths: Mapping[str, float]) -> None:
        self.widths = [widths.get(char, 0.0) for char in codes.characters]

    def of(self, letters: bytes) -> float:
        return round(sum(map(self.widths.__getitem__, letters)), 1)


class _Prefixes(dict[bytes, bytes]):
    """How lines that end right begin, and what is between them and the lines before."""

    def __init__(self, advances: _Advances) -> None:
        super().__init__()
        self._advances = advances

    def __missing__(self, kind: bytes) -> bytes:
        if len(self) >= MOST_LINES:
            self.clear()
        self[kind] = prefix = _NEXT + (b"[%g(" % self._advances.of(kind) if kind else _NONE)
        return prefix


class _Pieces(dict[str, bytes]):
    """What stands for the first of two letters in a string, with the kerning behind it, and for the last one; the
    `advances` are how wide that is (1/1,000 em).
    """

    def __init__(self, codes: Codes, kerns: Mapping[str, float], widths: Sequence[float]) -> None:
        super().__init__()
        self._codes, self._kerns, self._widths = codes, kerns, widths
        self.advances: dict[str, float] = {}

    def __missing__(self, pair: str) -> bytes:
        letter = self._codes.encoded(pair)[:1]
        kern = self._kerns[pair] if len(pair) > 1 else 0.0
        self.advances[pair] = self._widths[letter[0]] - kern
        self[pair] = piece = b"%b)%g(" % (letter, kern) if kern else letter
        return piece


class _Ruler:
    """Lines in one look: what stands in their strings, and how wide they are (1/1,000 em)."""

    def __init__(self, encoded: Callable[[str], bytes], advances: _Advances, pieces: _Pieces | None) -> None:
        self._encoded, self._advances, self._pieces = encoded, advances, pieces

    def measured(self, line: str, *, wide: bool = True) -> tuple[bytes, float]:
        """The letters of a line, with the kerning between them, and its width, if that is asked for (`wide`)."""
        if self._pieces is None:
            letters = self._encoded(line)
            return letters, self._advances.of(letters) if wide else 0.0
        pairs = [*pairs_in(line), line[-1:]]
        try:
            string = b"".join(map(self._pieces.__getitem__, pairs))
        except KeyError:
            raise UnlearnedError(line) from None
        return string, round(sum(map(self._pieces.advances.__getitem__, pairs)), 1) if wide else 0.0


class _Known(dict[str, Shown]):
    """Lines, and the ends of so many, once they have been met."""

    def __init__(self, ruler: _Ruler, side: float) -> None:
        super().__init__()
        self._ruler, self._side = ruler, side

    def __missing__(self, line: str) -> Shown:
        if len(self) >= MOST_LINES:
            self.clear()
        self[line] = shown = (b" T*" * len(line), 0.0) if line[:1] == "\n" else self._shown(line)
        return shown

    def _shown(self, line: str) -> Shown:
        string, width = self._ruler.measured(line, wide=self._side > 0)
        if self._side == 1:
            return b"[%g(%b)]TJ" % (width, string), width
        return (b"[(%b)]TJ" if b")" in string else b"(%b)Tj") % string, width


def _kerned(letters: bytes, kerns: Kerns) -> bytes:
    if not kerns:
        return b"(%b)Tj" % letters
    parts, begin = [b"["], 0
    for at, kern in kerns:
        parts.append(b"(%b)%g" % (letters[begin:at], kern))
        begin = at
    return b"".join([*parts, b"(%b)]TJ" % letters[begin:]])
