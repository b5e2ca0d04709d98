import io
import shutil

import pypdf
import pypdfium2 as pdfium
import pytest

from billflow.documents.brand import read_brand
from billflow.documents.fonts import located
from billflow.documents.proofs.findings import inspect_document
from billflow.documents.proofs.sheets import read_sheets
from billflow.documents.rendering import PLAIN, Renderer
from billflow.documents.sample import ILLUSTRATED, INVOICE
from billflow.documents.templates import TemplateSet, check_templates, find_templates, languages_without_fonts
from billflow.errors import SettingsError
from billflow.settings import Documents

SHIPPED = find_templates(None)
LOGO = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d 40"><rect width="%d" height="40" fill="#123456"/></svg>'
)


def branded(text, **files):
    extra = {name.replace("_", "."): content for name, content in files.items()}
    return TemplateSet.of({**SHIPPED.files, **extra, "brand.yaml": text.encode()}, SHIPPED.fonts)


def colours_of(pdf):
    """Of all texts, as hexadecimal digits."""
    return {bytes(run.colour[:3]).hex() for sheet in read_sheets(pdf) for run in sheet.runs}


def fonts_of(pdf):
    fonts = [page["/Resources"]["/Font"] for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]
    return {
        font["/BaseFont"].split("+")[1].removesuffix("-Identity-H").removesuffix("-OneByteIdentityH")
        for named in fonts
        for font in named.values()
    }


def test_the_shipped_file_says_what_is_so_without_it():
    without = TemplateSet.of(
        {name: text for name, text in SHIPPED.files.items() if name != "brand.yaml"}, SHIPPED.fonts
    )
    assert Renderer(without).render_pdf(INVOICE).pdf == Renderer(SHIPPED).render_pdf(INVOICE).pdf
    assert read_brand(SHIPPED.files) == read_brand({})


def test_one_colour_is_changed_and_the_others_stay():
    purple = branded('colours: {accent: "#7a1fa2"}')
    shipped, own = (colours_of(Renderer(each).render_pdf(ILLUSTRATED).pdf) for each in (SHIPPED, purple))
    assert shipped - own == {"0e5a6b"}
    assert own - shipped == {"7a1fa2"}


def test_a_typeface_of_ones_own_is_planned_and_printed():
    renderer = Renderer(branded("font: New Computer Modern"))
    pdf = renderer.render_pdf(ILLUSTRATED).pdf
    assert fonts_of(pdf) == {"NewCM10-Regular", "NewCM10-Bold"}
    assert inspect_document(pdf, renderer.typesetter.printed(ILLUSTRATED)) == []
    assert fonts_of(Renderer(SHIPPED).render_pdf(ILLUSTRATED).pdf) == {
        "LibertinusSerif-Regular",
        "LibertinusSerif-Semibold",
    }


def test_other_scripts_keep_their_fonts():
    printed = fonts_of(Renderer(branded("font: New Computer Modern")).render_pdf({**ILLUSTRATED, "language": "hi"}).pdf)
    assert {name.split("-")[0] for name in printed} == {"NewCM10", "NotoSerifDevanagari"}


@pytest.mark.parametrize(("width", "printed"), [(80, 60), (4000, 245)])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_logo_stands_where_the_name_stood(width, printed, language):
    renderer = Renderer(branded("logo: {file: logo.svg}", logo_svg=LOGO % (width, width)))
    pdf = renderer.render_pdf({**INVOICE, "language": language}).pdf
    first = read_sheets(pdf)[0]
    assert not [piece for piece in first.pieces if piece.size > 13 and INVOICE["seller"]["name"] in piece.text]
    left, right = inked(pdf, "#123456")
    assert right - left == pytest.approx(printed, abs=1)
    assert (left if language == "en" else 595.28 - right) == pytest.approx(56.7, abs=1)


def inked(pdf, colour):
    """From where to where (points) the top of the first page has a colour."""
    page = pdfium.PdfDocument(pdf)[0].render(scale=2).to_pil().convert("RGB").crop((0, 90, 1191, 180))
    wanted = tuple(bytes.fromhex(colour[1:]))
    columns = [x for x in range(page.width) if any(page.getpixel((x, y)) == wanted for y in range(0, page.height, 2))]
    return columns[0] / 2, columns[-1] / 2


def test_a_logo_is_told_to_screen_readers():
    logo = branded("logo: {file: logo.svg}", logo_svg=LOGO % (80, 80))
    assert Renderer(logo, Documents(accessible=True)).render_pdf(INVOICE).pages == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colours: {accent: red}", "colours.accent: String should match pattern"),
        ("colours: {accents: '#000000'}", "colours.accents: Extra inputs"),
        ("font: Comic Sans", "is of the family 'Comic Sans'; there are .*Libertinus Serif"),
        ("logo: {file: logo.svg}", "there is no 'logo.svg' beside it"),
        ("logo: {file: invoice.typ}", "'invoice.typ' is no picture that can be printed"),
        ("logo: {file: logo.svg, height: 31}", "logo.height: Input should be less than or equal to 30"),
        ("version: 2", "version: Input should be 1"),
        ("colours: [", "brand.yaml is not right"),
    ],
)
def test_what_is_wrong_is_refused_before_a_run(text, said):
    with pytest.raises(SettingsError, match=said) as refused:
        check_templates(branded(text), PLAIN)
    assert "templates/brand.yaml" in str(refused.value)


def test_a_broken_picture_is_refused_with_its_place():
    with pytest.raises(SettingsError, match=r"components/header\.typ"):
        check_templates(branded("logo: {file: logo.png}", logo_png=b"no picture"), PLAIN)


def test_a_font_file_of_the_project_is_for_what_it_has_letters_of(tmp_path):
    """Where only the project brings fonts, the languages that these cannot print are left out."""
    noto = next(font for font in SHIPPED.fonts if font.script == "Devanagari")
    shutil.copy(located(noto), tmp_path / noto.name)
    (tmp_path / "brand.yaml").write_text(f"font: {noto.family}\n")
    brought = TemplateSet.of(find_templates(tmp_path).files)
    assert sorted(languages_without_fonts(brought)) == ["ar", "ja", "zh"]
    check_templates(brought, PLAIN)


def test_a_pdf_is_no_logo():
    """Typst would print it, but its texts would be taken for those of the bill."""
    with pytest.raises(SettingsError, match=r"'logo\.pdf' is no picture that can be printed"):
        check_templates(branded("logo: {file: logo.pdf}", logo_pdf=b"%PDF-1.7"), PLAIN)


def test_a_typeface_that_is_too_wide_is_refused():
    with pytest.raises(SettingsError, match=r"'DejaVu Sans Mono' is too wide, as bills in 'de' show"):
        check_templates(branded("font: DejaVu Sans Mono"), PLAIN)


def test_a_theme_that_knows_no_brand_still_prints():
    """As projects have it that changed theirs before there was a brand.yaml."""
    theme = SHIPPED.files["components/theme.typ"].decode()
    for line in [line for line in theme.splitlines() if "brand" in line]:
        theme = theme.replace(line, "")
    colours = ("ink", "accent", "soft", "tint", "alert")
    own = "".join(f'#let {name} = rgb("#10203{at}")\n' for at, name in enumerate(colours))
    theme = f"{own}#let hairline = 0.4pt + soft\n{theme}"
    printing = TemplateSet.of({**SHIPPED.files, "components/theme.typ": theme.encode()}, SHIPPED.fonts)
    check_templates(printing, PLAIN)
    assert "102031" in colours_of(Renderer(printing).render_pdf(INVOICE).pdf)
