import json
import random

import pytest
import typst

from billflow.documents.attempts import together
from billflow.documents.fonts import families
from billflow.documents.layout import read_layout
from billflow.documents.pagination import wrap
from billflow.documents.templates import find_templates
from billflow.documents.widths import BOLD, KERNING, MOST_WORDS, OTHER, Widths, measured_by, parts, text_width
from billflow_tests.documents.native import PARTIES

FILES = find_templates(None).files
ROUNDING = 1e-6
OTHERS = "abc ÀÉß Ελληνικά Щука № – — ‘ ’ “ ” · € ₹"
IN_GUTTER = 0.05
"""Em that a pair of capitals may need more: see KERNING."""


def sentences(language: str) -> list[str]:
    """All that a bill in that language may say, and long mixtures of its words with numbers and Latin names."""
    labels = json.loads(FILES[f"locales/{language}.json"])
    flat = [text for label in labels.values() for text in (label.values() if isinstance(label, dict) else [label])]
    party = PARTIES[language]
    words = " ".join([*flat, *party["lines"], party["customer"], party["street"]]).split()
    dice = random.Random(language)
    mixed = [" ".join(dice.choices([*words, "S-1001", "+61 4", "kWh", "1,234.50", "AV. To"], k=30)) for _ in range(40)]
    return [*flat, *party["lines"], *mixed]


def learned(widths: Widths, texts: list[str]) -> list[float]:
    """Widths of texts once all in them is measured."""
    with measured_by(widths):
        for text in texts:
            text_width(text)
        widths.learn()
        found = [text_width(text) for text in texts]
    assert not widths.novel
    return found


@pytest.mark.parametrize("language", PARTIES)
def test_text_width_is_never_less_than_on_paper(language, specimen, widths):
    texts = sentences(language)
    on_paper = specimen.widths(texts)
    planned = learned(widths, texts)
    slack = {text: 0 if len(text) > 15 else IN_GUTTER for text in texts}
    assert {t: (n, h) for t, n, h in zip(texts, on_paper, planned, strict=True) if n > h + slack[t] + ROUNDING} == {}


@pytest.mark.parametrize("language", PARTIES)
def test_text_width_is_close_to_that_on_paper(language, specimen, widths):
    texts = [text for text in sentences(language) if len(text) > 100]
    on_paper, planned = sum(specimen.widths(texts)), sum(learned(widths, texts))
    assert planned < 1.03 * on_paper


@pytest.mark.parametrize("text", ["TTUTTUFUTY", "f'J(j", "GRÖSSE DES ZÄHLERS, TARIF HT", "TVA TOTALE DUE"])
def test_capitals_need_no_more_than_the_gutter(text, specimen, widths):
    sections = read_layout(FILES["layout.yaml"]).sections.values()
    gutter = min(section.gutter / section.size for section in sections)
    assert specimen.widths([text])[0] < learned(widths, [text])[0] + gutter / 2


@pytest.mark.parametrize("language", PARTIES)
def test_bold_is_wider_by_no_more_than_planned(language, typesetter, widths):
    texts = sentences(language)
    listed = json.dumps(families("en", find_templates(None).fonts), ensure_ascii=False)[1:-1]
    source = (
        f'#set text(font: ({listed}), size: 100pt, weight: 600, ligatures: false, number-width: "tabular", cjk-latin-spacing: none)\n'
        f"#let texts = json(bytes({json.dumps(json.dumps(texts))}))\n"
        "#context [#metadata(texts.map(it => measure(text(it)).width.pt() / 100))<widths>]"
    )
    compiler = typst.Compiler(source.encode(), font_paths=typesetter.fonts)
    bold = json.loads(compiler.query("<widths>", field="value", one=True))
    planned = learned(widths, texts)
    assert [text for text, need, have in zip(texts, bold, planned, strict=True) if need > have * BOLD] == []


@pytest.mark.parametrize("language", PARTIES)
@pytest.mark.parametrize("width", [4.0, 9.0, 22.0])
def test_no_planned_line_runs_over(language, width, specimen, widths):
    texts = sentences(language)
    with measured_by(widths):
        for _ in range(4):
            lines = [line for text in texts for line in wrap(text, width)]
            widths.learn()
    slack = {line: ROUNDING if len(line) > 15 else IN_GUTTER for line in lines}
    assert [line for line, need in zip(lines, specimen.widths(lines), strict=True) if need > width + slack[line]] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ab", ["a", "b"]),
        ("S-1 سلام", ["S", "-", "1", " ", "سلام"]),
        ("ऊर्जा 5", ["ऊर्जा", " ", "5"]),
        ("東京", ["東", "京"]),
    ],
)
def test_parts(text, found):
    assert list(parts(text)) == found


def test_learn_measures_each_text_once():
    class Counting:
        def __init__(self):
            self.asked = []

        def widths(self, texts):
            self.asked.extend(texts)
            return [len(text) / 2 for text in texts]

    widths = Widths(counting := Counting())
    assert learned(widths, ["ab", "ab"]) == [KERNING, KERNING]
    assert learned(widths, ["ba", "سلام"]) == [KERNING, 2 * KERNING]
    assert [text for text in counting.asked if text] == ["a", "b", "سلام"]


def test_learn_forgets_when_it_knows_too_many(specimen):
    widths = Widths(specimen)
    widths.update({str(number): 1.0 for number in range(MOST_WORDS + 1)})
    learned(widths, ["a"])
    assert list(widths) == ["a"]


def test_half_of_a_utf_16_pair_is_not_asked_about(specimen):
    widths = Widths(specimen)
    assert learned(widths, ["\ud83d"]) == [OTHER]


def test_estimates_are_none_of_a_renderers_business(widths):
    before = text_width("क्षत्रिय")
    learned(widths, ["क्षत्रिय"])
    assert text_width("क्षत्रिय") == before


def test_estimates_are_never_less_than_the_typeface_needs():
    chars = sorted(
        set(OTHERS)
        | {chr(code) for code in (*range(32, 127), *range(0xA1, 0x180), *range(0x391, 0x3E2), *range(0x410, 0x450))}
    )
    source = (
        '#set text(font: "Libertinus Serif", size: 100pt, number-width: "tabular")\n'
        f"#let chars = {json.dumps(chars, ensure_ascii=False)[1:-1].join('()')}\n"
        "#context [#metadata(chars.map(char => measure(text(char)).width.pt() / 100))<widths>]"
    )
    fonts = typst.Fonts(include_system_fonts=False)
    measured = json.loads(typst.Compiler(source.encode(), font_paths=fonts).query("<widths>", field="value", one=True))
    assert {char: width for char, width in zip(chars, measured, strict=True) if width > text_width(char) + 0.03} == {}


def test_watched_tells_of_each_whether_anything_was_guessed(specimen):
    widths = Widths(specimen)
    learned(widths, ["abc"])

    def measuring(text):
        yield
        return widths.texts[text]

    def guessed(*texts):
        return [found for _, found in together(widths.watched(measuring(text)) for text in texts)]

    assert guessed("жук", "abc", "жук", "cab") == [True, False, True, False]
    widths.learn()
    assert guessed("жук", "abc") == [False, False]
