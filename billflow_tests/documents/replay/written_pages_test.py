import io
import json
from ctypes import c_double
from functools import partial
from random import Random

import pikepdf
import pypdfium2 as pdfium
import pytest
import typst
from hypothesis import given
from hypothesis import strategies as st
from pdfminer.high_level import extract_text
from pypdf import PdfReader

from billflow.bench.bills import bill
from billflow.documents.fonts import LATIN
from billflow.documents.rendering import Renderer
from billflow.documents.replay import marks
from billflow.documents.replay.composing import Composition
from billflow.documents.sample import CREDIT_NOTE, ILLUSTRATED
from billflow.documents.templates import TemplateSet, find_templates
from billflow.settings import Documents
from billflow_tests.documents.native import native_bill

SHAPES = {
    "illustrated": ILLUSTRATED,
    "credit note": CREDIT_NOTE,
    "calls": bill(subscriptions=3, lines=12, records=80),
    "many pages": bill(subscriptions=4, lines=8, records=300),
    **{language: native_bill(language) for language in ("de", "en", "es", "fr", "pl")},
}
WITHIN = 0.02
"""Points. PDFium adds steps up in single precision: over a page that comes to 0.004."""


@pytest.fixture(scope="module")
def renderer():
    return Renderer(find_templates(None))


@pytest.fixture(scope="module")
def whole():
    """Lays out everything with Typst."""
    return laying_out_all(Renderer(find_templates(None)))


def laying_out_all(renderer):
    renderer.render_pdf = partial(renderer.render_pdf, replayed=False)
    return renderer


def letters_of(pdf):
    """Page by page: each character, where its baseline begins, from where to where it goes, and its size.

    How high its box is depends on which other letters its font has.
    """
    document = pdfium.PdfDocument(pdf)
    try:
        for page in document:
            text = page.get_textpage()
            yield text.get_text_range(), [place_of(text, index) for index in range(text.count_chars())]
    finally:
        document.close()


def place_of(text, index):
    x, y = c_double(), c_double()
    assert pdfium.raw.FPDFText_GetCharOrigin(text, index, x, y)
    left, _, right, _ = text.get_charbox(index, loose=True)
    return x.value, y.value, left, right, pdfium.raw.FPDFText_GetFontSize(text, index)


def assert_same(one, other):
    for (text, boxes), (its_text, its_boxes) in zip(letters_of(one), letters_of(other), strict=True):
        assert text == its_text
        assert [box for box, its in zip(boxes, its_boxes, strict=True) if box != pytest.approx(its, abs=WITHIN)] == []


@pytest.mark.parametrize("shape", SHAPES)
def test_every_letter_is_where_typst_puts_it(renderer, whole, shape):
    assert isinstance(renderer.typesetter.laid_out(SHAPES[shape]).writing, Composition)
    made = renderer.render_pdf(SHAPES[shape]).pdf
    assert_same(made, whole.render_pdf(SHAPES[shape]).pdf)
    with pikepdf.open(io.BytesIO(made)) as opened:
        assert opened.check_pdf_syntax() == []


@pytest.mark.parametrize(
    "value",
    [
        r"(a)\b)(",
        "\\\\",
        "))((",
        "fi fl ffi",
        "1.,-–:;",
        "Ŵÿ ¼ €5",
        "a  b",
        "AV To",
        "(",
        "",
        "b f",
        "f h",
        "f_k",
        "abf hk",
        "“a” f ”",
        "Q u",
        "profit",
        "für",
        "ffü fĩ Quf",
        "Quito",
    ],
)
def test_letters_of_all_kinds(renderer, whole, value):
    payload = bill(records=3)
    payload["usage"][0]["rows"] = [[*row[:2], value, "x"] for row in payload["usage"][0]["rows"]]
    assert_same(renderer.render_pdf(payload).pdf, whole.render_pdf(payload).pdf)


def written(renderer, payload):
    """All texts of sections that are written into pages afterwards."""
    writing = renderer.typesetter.laid_out(payload).writing
    parts = [write.part for page in writing.replay.pages for write in page.writes]
    return "\n".join(text for part in parts for texts in (marks.regular(part), marks.bold(part)) for text in texts)


@pytest.mark.parametrize("value", ["שלום", "e\u0301", "東京", "Щ", "a\u00adb", "\u202f1", "a··b", " a", "a "])
def test_what_is_more_than_a_glyph_a_letter_is_laid_out(renderer, whole, value):
    payload = bill(records=3)
    payload["usage"][0]["rows"] = [[*row[:2], value, "x"] for row in payload["usage"][0]["rows"]]
    texts = written(renderer, payload)
    assert "per minute" in texts
    assert "Call minutes" not in texts
    assert_same(renderer.render_pdf(payload).pdf, whole.render_pdf(payload).pdf)


@pytest.mark.parametrize("language", ["ar", "hi", "ja", "zh"])
def test_other_scripts_print_the_same(renderer, whole, language):
    payload = native_bill(language)
    assert_same(renderer.render_pdf(payload).pdf, whole.render_pdf(payload).pdf)


def test_another_typeface_is_laid_out():
    files = find_templates(None).files
    own = TemplateSet.of({**files, "brand.yaml": b"version: 1\nfont: DejaVu Sans Mono\n"})
    assert Renderer(own).typesetter.laid_out(SHAPES["calls"]).writing is None


def test_what_is_accessible_is_laid_out():
    accessible = Renderer(find_templates(None), Documents(accessible=True))
    assert accessible.typesetter.laid_out(SHAPES["calls"]).writing is None


def own_templates(name, there, instead):
    files = find_templates(None).files
    text = files[name].decode()
    assert there in text
    return TemplateSet.of({**files, name: text.replace(there, instead).encode()})


@pytest.mark.parametrize(
    ("name", "there", "instead"),
    [
        (
            "components/table.typ",
            "columns-of(part, start, cells-of(part, lane.cells))",
            "columns-of(part, start, lane.cells)",
        ),
        ("components/theme.typ", "set par(leading: 0pt", "set par(leading: 0.4pt"),
        ("invoice.typ", "#set text(..text-style)", '#set text(..text-style, features: ("frac",))'),
    ],
)
def test_rows_of_a_projects_own_are_laid_out(name, there, instead):
    own = Renderer(own_templates(name, there, instead))
    assert own.typesetter.laid_out(SHAPES["calls"]).writing is None


def test_a_sections_own_component_is_laid_out():
    files = find_templates(None).files
    own = Renderer(TemplateSet.of({**files, "components/usage.typ": b'#import "table.typ": section'}))
    assert "per minute" in written(own, SHAPES["calls"])
    assert "Call minutes" not in written(own, SHAPES["calls"])


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("labels.page\n", '("No. " + labels.page)\n'),
        ("bill.running_title", 'labels.at(bill.kind) + " " + in-one-piece(bill.title)'),
    ],
)
def test_pages_with_a_head_of_a_projects_own_are_laid_out_one_by_one(there, instead):
    own = Renderer(own_templates("components/header.typ", there, instead))
    replay = own.typesetter.laid_out(SHAPES["many pages"]).writing.replay
    assert (replay.numbers, replay.sources) == (None, len(replay.pages))
    assert_same(own.render_pdf(SHAPES["many pages"]).pdf, own.render_pdf(SHAPES["many pages"], replayed=False).pdf)


PART = 'left-at(0pt, 0pt, mark(size: part.mark * 1pt, "0"))'
ALPHABETS = "for each in part.alphabets { letters-of(each) }"
NUMBER = 'text(size: bill.page_mark * 1pt, "0")'


@pytest.mark.parametrize(
    ("name", "there", "instead"),
    [
        ("written", PART, f"{PART}\n{PART}"),
        ("written", PART, ""),
        ("written", ALPHABETS, ""),
        ("written", ALPHABETS, f"{ALPHABETS}\n{ALPHABETS}"),
        ("written", ALPHABETS, "for each in part.alphabets.rev() { letters-of(each) }"),
        ("written", "kerning: false", 'features: ("smcp",)'),
        ("header", NUMBER, "[]"),
        ("header", NUMBER, f"{NUMBER} + {NUMBER}"),
        ("table", "line-at(start * 1pt", "line-at(start * 1.1pt"),
        ("table", "hairlines(lane.rules, part.pitch * 1pt", "hairlines(lane.rules, part.pitch * 1.1pt"),
        ("table", "right-at(page-width, 3pt", "right-at(page-width - 1pt, 3pt"),
        ("table", 'part.continues != ""', "false"),
        ("invoice", "#if details.shared", "#page[More]\n#if details.shared"),
    ],
)
def test_what_is_not_as_expected_is_laid_out(monkeypatch, name, there, instead):
    monkeypatch.setattr("billflow.documents.typesetting.are_shipped", lambda *_: True)
    own = own_templates("invoice.typ" if name == "invoice" else f"components/{name}.typ", there, instead)
    payload = {
        **SHAPES["calls"],
        "customer": {**SHAPES["calls"]["customer"], "name": "Щука"},
    }  # only sections are written
    assert Renderer(own).render_pdf(payload) == Renderer(own).render_pdf(payload, replayed=False)


PLAIN = [char for char in map(chr, range(33, 0x180)) if marks.is_plain(char)]
OFTEN = list("AVTWYfQury.,- ") * 12


def texts_of(letters, random, *, longest=24):
    return iter(lambda: "".join(random.choices(letters, k=random.randint(1, longest))).replace("··", "").strip(), None)


def bill_of(letters, seed):
    texts = texts_of(letters, Random(seed))
    payload = bill(subscriptions=6, lines=10, records=5, seed=seed)
    for line in payload["lines"]:
        line |= {"description": next(texts), "section": next(texts), "subscription_id": f"{line['subscription_id']} Ty"}
    return payload


@pytest.mark.parametrize("seed", range(4))
def test_texts_of_any_letters_are_kerned_as_typst_kerns_them(renderer, whole, seed):
    payload = bill_of(PLAIN[seed % 2 :: 2] + OFTEN, seed)
    assert renderer.typesetter.laid_out(payload).writing is not None
    assert_same(renderer.render_pdf(payload).pdf, whole.render_pdf(payload).pdf)


def test_more_letters_than_a_byte_can_tell_apart_are_laid_out(renderer, whole):
    payload = bill_of(PLAIN + OFTEN, 1)
    assert renderer.typesetter.laid_out(payload).writing is None
    assert renderer.render_pdf(payload) == whole.render_pdf(payload)


@pytest.mark.parametrize(
    "letters", ["aZa", "fi Qu", "Łódź š", "Ŵÿĩ€−", *("".join(PLAIN[at : at + 24]) for at in range(0, len(PLAIN), 24))]
)
def test_what_is_written_is_read_back(renderer, letters):
    """By readers of text, and by one that draws."""
    payload = bill(records=3)
    payload["usage"][0]["rows"] = [[*row[:2], letters, "x"] for row in payload["usage"][0]["rows"]]
    made = renderer.render_pdf(payload).pdf
    read = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(made)).pages)
    drawn = "\n".join(text for text, _ in letters_of(made))
    found = extract_text(io.BytesIO(made))
    assert [text.count(letters) for text in (read, drawn, found)] == [3, 3, 3]


@pytest.mark.parametrize("size", ["7.2003", "8.5003", "7.25", "12"])
def test_sizes_of_all_kinds(size):
    own = own_templates("layout.yaml", "size: 7.2", f"size: {size}")
    assert Renderer(own).typesetter.laid_out(SHAPES["calls"]).writing is not None
    assert_same(*[each.render_pdf(SHAPES["calls"]).pdf for each in (Renderer(own), laying_out_all(Renderer(own)))])


LETTERS = st.text(alphabet="".join(map(chr, range(33, 0x180))) + "–—‘’“”•…€−", min_size=1, max_size=120)


@given(LETTERS.map(lambda letters: f"0{letters}").filter(marks.is_plain))  # figures are among all that are asked for
def test_letters_that_are_asked_for_are_drawn_alone_and_pairs_after_them(letters):
    alone = marks.alphabet(marks.separated(letters))
    firsts = {pair[0] for pair in marks.TOGETHER.findall(letters)}
    for pair in [pair for pair in ("fi", "Qu") if pair[0] in firsts]:
        assert alone.endswith(f" {pair}")
        alone = alone.removesuffix(f" {pair}")
    assert not marks.TOGETHER.search(alone)
    assert alone == alone.strip()
    assert set(alone) == {char for char in marks.separated(letters) if marks.is_plain(char)} | {" "}


SPECIMEN = """
#set page(width: 2000pt, height: 2000pt)
#set text(font: "%s", kerning: false, ligatures: false, overhang: false, number-width: "tabular", hyphenate: false)
#for each in json("texts.json") { place(top + left, text(each)) }
"""


@pytest.mark.slow
def test_only_those_pairs_are_drawn_together(tmp_path):
    """Each pair of plain letters, beside the two alone."""
    plain = [char for char in map(chr, range(33, 0x2213)) if marks.is_plain(char) and not char.isspace()]
    (tmp_path / "main.typ").write_text(SPECIMEN % LATIN)
    compiler = typst.Compiler(root=tmp_path, font_paths=typst.Fonts(include_system_fonts=False))

    def glyphs(texts):
        (tmp_path / "texts.json").write_text(json.dumps(texts))
        pdf = compiler.compile(input=tmp_path / "main.typ", format="pdf", pdf_tags=False, timestamp=0)
        with pikepdf.open(io.BytesIO(pdf)) as opened:
            shown = pikepdf.parse_content_stream(opened.pages[0], "Tj TJ")
            return [string_of(one.operands[0]) for one in shown]

    together = []
    for first in plain:  # in one document with the letters alone: each has its own numbers for glyphs
        found = glyphs([*plain, *[first + second for second in plain]])
        alone = dict(zip(plain, found, strict=False))
        pairs = zip(plain, found[len(plain) :], strict=True)
        together += [first + second for second, drawn in pairs if drawn != alone[first] + alone[second]]
    assert {pair[0] for pair in together} == {"Q", "f", "·"}
    known = [a + b for a in plain for b in plain if marks.TOGETHER.search(a + b) or not marks.is_plain(a + b)]
    assert together == known


def string_of(operand):
    """The glyphs of one text; anything but a plain string of them is told apart."""
    if isinstance(operand, pikepdf.Array):
        return bytes(operand[0]) if len(operand) == 1 else bytes(str(list(operand)), "utf-8")
    return bytes(operand)
