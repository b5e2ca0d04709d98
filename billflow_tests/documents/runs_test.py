import pikepdf
import pytest

from billflow.documents.runs import shorter

COLOUR = "/c0 cs 0.1 0.2 0.3 scn"


def line(x, y, shown, *, colour=COLOUR, font="/f0 8 Tf", mark="", end=""):
    shows = shown if shown.endswith("Tj") else f"[{shown}]TJ"
    return f"q 1 0 0 -1 {x} {y} cm{colour}\nBT{mark} 0 Tr{font} 1 0 0 -1 0 0 Tm{shows}{end}\nET\nQ\n"


def made(*lines):
    return shorter("".join(lines).encode()).decode("latin-1")


def test_lines_that_follow_each_other_share_a_text_object():
    assert made(line(56.5, 700, "(ab)"), line(56.5, 690.8, "(cd)"), line(60, 690.8, "(e)")) == (
        f"q BT{COLOUR}/f0 8 Tf 56.5 700 Td(ab)Tj 0 -9.2 Td(cd)Tj 3.5 0 Td(e)Tj\nET\nQ\n"
    )


def test_colour_and_font_are_named_where_they_change():
    other = "/c0 cs 0 0 0 scn"
    assert made(
        line(1, 9, "(a)"), line(1, 8, "(b)", font="/f1 7 Tf"), line(1, 7, "(c)", font="/f1 7 Tf", colour=other)
    ) == (f"q BT{COLOUR}/f0 8 Tf 1 9 Td(a)Tj/f1 7 Tf 0 -1 Td(b)Tj{other} 0 -1 Td(c)Tj\nET\nQ\n")


def test_what_is_no_line_of_text_stays_and_parts_the_lines_around_it():
    rule = "q 1 0 0 -1 5 6 cm/c0 CS 0 0 0 SCN 0.4 w 0 0 m 9 0 l\nS\nQ\n"
    turned = "q 0 1 1 0 5 6 cm/c0 cs 0 0 0 scn\nBT 0 Tr/f0 8 Tf 1 0 0 -1 0 0 Tm[(a)]TJ\nET\nQ\n"
    alone = f"q BT{COLOUR}/f0 8 Tf 1 2 Td(a)Tj\nET\nQ\n"
    assert made(line(1, 2, "(a)"), rule, line(1, 2, "(a)"), turned) == alone + rule + alone + turned


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("(a)-9.9999695(b)7.0000305(c)", "[(a)-10(b)7(c)]TJ"),
        ("(a)-12.69531(b)", "[(a)-12.7(b)]TJ"),
        ("-90.00001(a)", "[-90(a)]TJ"),
        ("(a)Tj", "(a)Tj"),
        (r"(\000\001\377)", "(\0\1\xff)Tj"),
        (r"(\000\\\000\(\000\))", "(\0\\\\\0\\(\0\\))Tj"),
        (r"(\000\r\000\n\000\t)", "(\0\\r\0\n\0\t)Tj"),
        (r"(\\r\\050)", r"(\\r\\050)Tj"),
        (r"(\)12.5\()", r"(\)12.5\()Tj"),
    ],
)
def test_strings_are_as_they_were_read(shown, expected):
    assert made(line(1, 2, shown)) == f"q BT{COLOUR}/f0 8 Tf 1 2 Td{expected}\nET\nQ\n"


def test_a_string_with_parentheses_that_balance_is_left_alone():
    balanced = line(1, 2, "(a(b)12.50(c)d)")
    assert made(balanced) == balanced


@pytest.mark.parametrize("mark", ["/Span<</ActualText<FEFF0628>>>BDC", "/ReversedChars BMC"])
def test_what_glyphs_stand_for_stays_around_them(mark):
    assert made(line(1, 2, "(a)"), line(1, 1, "(b)", mark=mark, end="\nEMC"), line(1, 0, "(c)")) == (
        f"q BT{COLOUR}/f0 8 Tf 1 2 Td(a)Tj 0 -1 Td{mark}(b)Tj\nEMC 0 -1 Td(c)Tj\nET\nQ\n"
    )


def test_steps_add_up_to_the_place():
    places = [(56.692913, 700 - row * 9.1999998) for row in range(60)]
    content = made(*[line(x, y, "(a)") for x, y in places])
    steps = [float(part.split()[1]) for part in content.split("Tj")[1:-1]]
    assert 700 + sum(steps) == pytest.approx(places[-1][1], abs=0.0001)


def test_every_byte_of_a_glyph_is_read_the_same_by_others():
    """All 65,536 pairs would be the same bytes in other places; each byte beside each kind of neighbour is enough."""
    raw = bytes(high for low in (0, 40, 41, 92, 13, 10, 48) for byte in range(256) for high in (byte, low))
    octal = "".join(f"\\{byte:03o}" for byte in raw)
    before = line(1, 2, f"({octal})").encode()
    strings = [string_of(content) for content in (before, shorter(before))]
    assert strings == [raw, raw]


def string_of(content):
    pdf = pikepdf.new()
    page = pdf.add_blank_page()
    page.Contents = pdf.make_stream(content)
    shown = [one for one in pikepdf.parse_content_stream(page) if str(one.operator) in ("TJ", "Tj")]
    operand = shown[0].operands[0]
    return bytes(operand[0] if isinstance(operand, pikepdf.Array) else operand)
