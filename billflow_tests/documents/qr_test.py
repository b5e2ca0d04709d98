import re
from itertools import pairwise

import pypdfium2
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from billflow.documents.qr import path_of, qr_outline
from billflow.documents.rendering import Renderer
from billflow.documents.sample import ILLUSTRATED
from billflow.documents.templates import find_templates

SQUARES = st.integers(1, 12).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, 1), min_size=size, max_size=size), min_size=size, max_size=size)
)


@pytest.fixture(scope="module")
def renderer():
    return Renderer(find_templates(None))


def codes_on(pdf, page=0):
    """What a reader sees on a page, printed at 150 dots per inch."""
    shown = pypdfium2.PdfDocument(pdf)[page].render(scale=150 / 72, grayscale=True)
    return [(found.format.name, found.text, found.ec_level) for found in zxingcpp.read_barcodes(shown.to_numpy())]


def drawn(path, size):
    """The modules within a path by the even-odd rule."""
    rows = [[0] * size for _ in range(size)]
    for loop in filter(None, path.split("Z")):
        x, y = map(int, re.match(r"M(\d+) (\d+)", loop).groups())
        start, points = (x, y), [(x, y)]
        for axis, number in re.findall(r"([HV])(\d+)", loop):
            x, y = (int(number), y) if axis == "H" else (x, int(number))
            points.append((x, y))
        for (left, from_y), (right, to_y) in pairwise([*points, start]):
            assert (left == right) != (from_y == to_y)
            for across in range(*sorted((left, right))):
                for below in range(from_y, size):
                    rows[below][across] ^= 1
    return rows


@given(SQUARES)
@settings(deadline=None)
def test_path_of_encloses_the_modules(rows):
    assert drawn(path_of([bytes(row) for row in rows]), len(rows)) == rows


@pytest.mark.parametrize(
    ("rows", "path"),
    [
        (["0"], ""),
        (["1"], "M0 0H1V1H0Z"),
        (["11", "11"], "M0 0H2V2H0Z"),
        (["10", "01"], "M0 0H1V2H2V1H0Z"),
        (["111", "101", "111"], "M0 0H3V3H0ZM1 1H2V2H1Z"),
    ],
)
def test_path_of(rows, path):
    assert path_of([bytes(map(int, row)) for row in rows]) == path


@pytest.mark.parametrize(("text", "modules"), [("a", 21), ("x" * 84, 37), ("x" * 85, 41), ("x" * 331, 69)])
def test_qr_outline_is_as_small_as_error_correction_m_allows(text, modules):
    assert qr_outline(text).size == modules


SELLERS = {
    "EPC": ({}, "EUR", "BCD\n002\n1\nSCT\n\nAcme Energy Ltd\nDE89370400440532013000\nEUR150.43\n\n\nINV-2013-00000001"),
    "long": (
        {"name": "Ärger & Söhne " * 5, "bic": "COBADEFFXXX"},
        "EUR",
        "BCD\n002\n1\nSCT\nCOBADEFFXXX\n"
        + ("Ärger & Söhne " * 5).strip()
        + "\nDE89370400440532013000\nEUR150.43\n\n\nINV-2013-00000001",
    ),
    "link": (
        {"payment_url": "https://pay.example/{invoice_id}?amount={amount}&currency={currency}"},
        "AUD",
        "https://pay.example/c01-2013-01-A-1001?amount=150.43&currency=AUD",
    ),
}


@pytest.mark.parametrize("case", SELLERS)
def test_printed_code_is_read(renderer, case):
    seller, currency, text = SELLERS[case]
    payload = {**ILLUSTRATED, "currency": currency, "seller": {**ILLUSTRATED["seller"], **seller}}
    assert codes_on(renderer.render_pdf(payload).pdf) == [("QRCode", text, "M")]


def test_printed_code_of_any_amount_is_read(renderer):
    for cents in range(1, 2_000_000, 99_991):
        total = f"{cents // 100}.{cents % 100:02d}"
        payload = {**ILLUSTRATED, "invoice": {**ILLUSTRATED["invoice"], "total": total}}
        assert [f"EUR{total}" in text for _, text, _ in codes_on(renderer.render_pdf(payload).pdf)] == [True]
