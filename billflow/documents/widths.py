"""How wide texts are, in em: measured by Typst in the fonts at hand, once for each character and joined word.

Letters of Latin, Greek, Cyrillic, Chinese and Japanese stand beside one another, and their widths add up. Those of
Arabic, Indian and other scripts join or reorder, so that only a whole word has a width: words are measured as they
come, and most are met again on other bills.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain
from typing import TypeVar

from billflow.documents.attempts import Steps
from billflow.documents.specimen import Specimen

T = TypeVar("T")

WIDTHS_OF = {
    0.25: "',.:;|·\u00a0\u202f\u2009 ",
    0.29: "!\\ijl{}\u2018\u2019",
    0.35: '()"-I/Jft[]\u2010\u2011',
    0.41: "*rs`“”",
    0.46: "?cez~",
    0.48: "#$0123456789a§€£¥",
    0.51: "FS_bgoqvxð",
    0.55: "LPdhknpuy^ß<>+=±\u00d7\u2013",
    0.60: "BERYøþ",
    0.67: "CKTUVXZ%",
    0.75: "ADGHNOQ&w—…đłæœ",
    0.85: "mMшщ",
    0.98: "W@ÆŒљњ",
}
USUAL = {*"".join(WIDTHS_OF.values()), "\u2002"}
"""What most documents have is measured before any is planned: those that are planned in steps would all be again."""
OTHER_SMALL, OTHER = 0.76, 1.0
FULL_WIDTH = 1.05

JOINED = re.compile("[\u0590-\u109f\u1780-\u18af\u1a00-\u1cff\ua8e0-\uabff\ufb1d-\ufdff\ufe70-\ufefc\u200c\u200d]+")
"""Scripts whose letters change with their neighbours: from Hebrew to Myanmar, Khmer, Mongolian and others."""

HALVES = re.compile("[\ud800-\udfff]")
"""Halves of UTF-16 pairs, from broken text: nothing can print them or be asked about them."""

TATWEEL, DOTTED_CIRCLE, IDEOGRAPH = "\u0640", "\u25cc", "\u6c38"
FIGURES = "0123456789"
_ALIKE = str.maketrans(FIGURES, "0" * 10)
_ALIKE_IN_UTF8 = bytes.maketrans(FIGURES.encode(), b"0" * 10)
"""Of many texts at once: a table of bytes is faster than one of characters, of which some are not of ASCII."""
KERNING = 1.005
"""For pairs that the typeface pushes apart: of `TT`, not of `Ta`. Some capitals need a few hundredths of an em more;
the gutter that follows each column has room for them."""

BOLD = 1.08
"""So much wider bold is than regular in Libertinus Serif; of another typeface it is measured."""

MOST_WORDS = 50_000
"""Words and texts remembered, a few megabytes each; a process that met more begins anew."""


class Widths(dict[str, float]):
    """Widths of characters and joined words. Without a specimen they are estimated, from above.

    `novel` are those that were asked for and not measured yet; `learn` measures them.
    """

    def __init__(self, specimen: Specimen | None = None) -> None:
        super().__init__(() if specimen else ((char, width) for width, chars in WIDTHS_OF.items() for char in chars))
        self._specimen = specimen
        self._estimates: Mapping[str, float] = ESTIMATES if specimen else self
        self.novel: set[str] = set()
        self.guesses = 0
        """How often something novel was asked for."""
        self.bold = BOLD
        self.texts = _Texts(self)

    def __missing__(self, text: str) -> float:
        estimates = self._estimates
        width = sum(map(estimates.__getitem__, text)) if len(text) > 1 else _estimated(text, estimates)
        if self._specimen and not HALVES.search(text):
            self.novel.add(text)
            self.guesses += 1
        elif len(text) == 1:
            self[text] = width
        return width

    def watched(self, steps: Steps[T]) -> Steps[tuple[T, bool]]:
        """What comes of steps, between which others may be taken, and whether anything novel was asked for in them."""
        guessed = False
        while True:
            guesses = self.guesses
            try:
                next(steps)
            except StopIteration as end:
                return end.value, guessed or self.guesses > guesses
            guessed = guessed or self.guesses > guesses
            yield

    def learn(self) -> None:
        """Measure what is novel, in one go."""
        if not (self._specimen and self.novel):
            return
        if len(self) > MOST_WORDS:
            self.clear()
        texts, self.novel = sorted(self.novel), set()
        probes = [list(_probes(text)) for text in texts]
        found = iter(self._specimen.widths(list(chain.from_iterable(chain.from_iterable(probes)))))
        for text, pairs in zip(texts, probes, strict=True):
            self[text] = KERNING * max(next(found) - next(found) for _ in pairs)
        figures = {self.get(figure) for figure in FIGURES}
        self.texts.tabular = len(figures) == 1 and None not in figures


class _Texts(dict[str, float]):
    """Widths of whole texts that have been met: most of a bill's stand on others too."""

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        self._widths = widths
        self.tabular = False
        """Whether figures are as wide as each other: most texts that differ in nothing else are of one width."""

    def __missing__(self, text: str) -> float:
        if len(self) >= MOST_WORDS:
            self.clear()
        alike = text.translate(_ALIKE) if self.tabular else text
        guesses = self._widths.guesses
        width = self._sum(text) if alike == text else self[alike]
        if self._widths.guesses == guesses:
            self[text] = width
        return width

    def kinds(self, texts: Sequence[str]) -> Sequence[str]:
        """For each text one that is as wide: texts that differ in figures only have the same."""
        if not self.tabular:
            return texts
        joined = "\n".join(texts).encode(errors="surrogatepass").translate(_ALIKE_IN_UTF8)
        alike = joined.decode(errors="surrogatepass").split("\n")
        return alike if len(alike) == len(texts) else [text.translate(_ALIKE) for text in texts]

    def _sum(self, text: str) -> float:
        joined = not text.isascii() and JOINED.search(text)
        return sum(map(self._widths.__getitem__, parts(text) if joined else text))


def text_width(text: str) -> float:
    """The width of a text in em; what has not been measured is estimated from above."""
    return _CURRENT.get().texts[text]


def width_with(text: str, width: float, more: str) -> float:
    """The width of a text of known width with more behind it, as `text_width` has it; neither is remembered."""
    if more.isascii() or not JOINED.search(more):
        return sum(map(_CURRENT.get().__getitem__, more), width)
    return text_width(text + more)


def boldness() -> float:
    """How much wider than regular text bold is, at most."""
    return _CURRENT.get().bold


def char_width(char: str) -> float:
    """The width of a character in em, the widest of its forms."""
    return _CURRENT.get()[char]


def parts(text: str) -> Iterator[str]:
    """What widths are of: joined words, and the other characters one by one."""
    end = 0
    for word in JOINED.finditer(text):
        yield from text[end : word.start()]
        yield word[0]
        end = word.end()
    yield from text[end:]


def kinds_of(texts: Sequence[str]) -> Sequence[str]:
    """For each text one that is as wide; of many texts they are few."""
    return _CURRENT.get().texts.kinds(texts)


@contextmanager
def measured_by(widths: Widths) -> Iterator[None]:
    """Widths for what is planned within, in this thread."""
    token = _CURRENT.set(widths)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def _probes(text: str) -> Iterable[tuple[str, str]]:
    """Pairs of texts; the widest difference of a pair is the width. Marks need something to stand on."""
    if len(text) > 1 or text.isspace():
        return [(text, "")]
    if unicodedata.category(text) in {"Mn", "Mc", "Me"}:
        return [(f"{DOTTED_CIRCLE}{text}", DOTTED_CIRCLE)]
    if unicodedata.bidirectional(text) == "AL":
        after, before = f"{TATWEEL}{text}", f"{text}{TATWEEL}"
        return [(text, ""), (after, TATWEEL), (before, TATWEEL), (f"{after}{TATWEEL}", TATWEEL * 2)]
    if unicodedata.east_asian_width(text) in "WF":  # at the end of a line punctuation is half as wide
        return [(f"{IDEOGRAPH}{text}{IDEOGRAPH}", IDEOGRAPH * 2)]
    return [(text, "")]


def _estimated(char: str, estimates: Mapping[str, float]) -> float:
    if unicodedata.combining(char):
        return 0.0
    if unicodedata.east_asian_width(char) in "WF":
        return FULL_WIDTH
    composed = unicodedata.normalize("NFKD", char)
    if len(composed) > 1 and composed[0] != " ":
        return sum(map(estimates.__getitem__, composed))
    return OTHER_SMALL if char.islower() else OTHER


ESTIMATES = Widths()
_CURRENT: ContextVar[Widths] = ContextVar("widths", default=ESTIMATES)
