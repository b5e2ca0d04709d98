"""What Typst itself knows of the fonts at hand: whether it can print a text, and how wide it is."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from string import ascii_letters, digits

import typst

# Set as `invoice.typ` sets its text. A box each, so that no text shapes its neighbour.
SOURCE = """\
#set page(width: auto, height: auto)
#set text(
  font: {families}, size: 100pt, ligatures: false, number-width: "tabular", cjk-latin-spacing: none, hyphenate: false,
  fallback: {fallback},
)
#let texts = json("texts.json")
#let wide(it) = calc.max(..(true, false).map(kerning => measure(text(kerning: kerning, it)).width.pt() / 100))
#context [#metadata(texts.map(wide))<widths>]
#let bolder(letter) = measure(text(weight: 600, letter)).width / measure(text(letter)).width
#context [#metadata(calc.max(.."{letters}".clusters().map(bolder)))<bold>]
#for it in texts {{ box(text(it)) }}
"""
LETTERS = ascii_letters + digits
ROUNDED = 1e-9  # measures come as floats of points


class Specimen:
    """A sheet of texts in all families of a set of fonts, written into `folder` (below `root`) and thrown away.

    One round trip takes about a millisecond, so texts are asked about in batches. Without `fallback`, no font but those
    of `families` is asked.
    """

    def __init__(
        self, root: Path, folder: str, fonts: typst.Fonts, families: Sequence[str], *, fallback: bool = True
    ) -> None:
        self._folder = root / folder
        self._folder.mkdir(parents=True)
        self._main = self._folder / "main.typ"
        listed = json.dumps([*families, families[0]], ensure_ascii=False)  # Typst's arrays of one need a second comma
        self._main.write_text(
            SOURCE.format(families=f"({listed[1:-1]})", fallback=json.dumps(fallback), letters=LETTERS),
            encoding="utf-8",
        )
        self._lay([])
        self._compiler = typst.Compiler(input=self._main, root=root, font_paths=fonts)

    def widths(self, texts: Sequence[str]) -> list[float]:
        """The width of each text in em, with kerning (as most is printed) or without (as records are): the wider."""
        self._lay(texts)
        found = self._compiler.query("<widths>", field="value", one=True)
        return [math.ceil(width / ROUNDED) * ROUNDED for width in json.loads(found)]

    def boldness(self) -> float:
        """How much wider bold is than regular, of the letter or digit where it is most."""
        self._lay([])
        return float(json.loads(self._compiler.query("<bold>", field="value", one=True)))

    def unprintable(self, texts: Sequence[str]) -> list[str]:
        """The texts with a character that no font has. PDF/A forbids such, so Typst refuses to write one with them."""
        if not texts or self._prints(texts):
            return []
        if len(texts) == 1:
            return list(texts)
        half = len(texts) // 2
        return self.unprintable(texts[:half]) + self.unprintable(texts[half:])

    def _prints(self, texts: Sequence[str]) -> bool:
        self._lay(texts)
        try:
            self._compiler.compile(input=self._main, format="pdf", pdf_standards=["a-3b"], pdf_tags=False, timestamp=0)
        except typst.TypstError:
            return False
        return True

    def _lay(self, texts: Sequence[str]) -> None:
        (self._folder / "texts.json").write_text(json.dumps(list(texts)), encoding="utf-8")
