"""What documents that are written have in common, and what each has of its own."""

import io

import pikepdf
import pytest

from billflow.bench.bills import bill
from billflow.documents.objects import Objects
from billflow.documents.rendering import Renderer
from billflow.documents.replay.envelopes import TITLE, Envelope, text_string
from billflow.documents.replay.letters import ReplayError
from billflow.documents.sample import INVOICE
from billflow.documents.templates import find_templates


@pytest.fixture(scope="module")
def renderer():
    return Renderer(find_templates(None))


def of_customer(name, number="INV-1"):
    payload = bill(subscriptions=6, lines=10, records=3)
    return {
        **payload,
        "customer": {**payload["customer"], "name": name},
        "invoice": {**payload["invoice"], "invoice_number": number},
    }


def test_names_of_usual_letters_need_no_fonts_of_their_own(monkeypatch):
    compiled, found = [], Renderer._compiled
    monkeypatch.setattr(Renderer, "_compiled", lambda self, *files: compiled.append(files) or found(self, *files))
    own = Renderer(find_templates(None))
    for name in ("Ann Lee", "Jozef Quick & Sons", "XYZ", "O'Hara (ACME), Zoë"):
        own.render_pdf(of_customer(name, f"INV-{name}"))
    assert len(compiled) == 2  # "ë" is no usual letter


def test_a_document_has_the_same_bytes_whatever_was_made_before(renderer):
    renderer.render_pdf(of_customer("Zoë"))
    made = renderer.render_pdf(of_customer("Ann")).pdf
    assert made == Renderer(find_templates(None)).render_pdf(of_customer("Ann")).pdf
    assert b"Zo" not in made


@pytest.mark.parametrize("number", ["INV-7", r"A(1)\(", "Nº 5 <&> ŁÓDŹ", TITLE])
def test_properties_are_those_that_typst_writes(renderer, number):
    payload = of_customer("Ann", number)
    made, whole = (renderer.render_pdf(payload, replayed=replayed).pdf for replayed in (True, False))
    assert made != whole
    with pikepdf.open(io.BytesIO(made)) as opened, pikepdf.open(io.BytesIO(whole)) as its:
        assert {**opened.docinfo} == {**its.docinfo}
        with opened.open_metadata() as found, its.open_metadata() as expected:
            names = set(expected) - {"{http://ns.adobe.com/xap/1.0/mm/}DocumentID"}
            names -= {"{http://ns.adobe.com/xap/1.0/mm/}InstanceID"}
            assert {name: found[name] for name in names} == {name: expected[name] for name in names}


def identifiers(pdf):
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return [bytes(one) for one in opened.trailer.ID]


def test_a_document_keeps_its_identifier_and_each_state_of_it_has_one(renderer):
    first, second, other = (
        identifiers(renderer.render_pdf(of_customer(*one)).pdf) for one in (("Ann",), ("Bob",), ("Ann", "INV-2"))
    )
    assert first[0] == second[0] != other[0]
    assert len({first[1], second[1], other[1]}) == 3


def test_what_pages_have_in_common_is_written_once(renderer):
    with pikepdf.open(io.BytesIO(renderer.render_pdf(of_customer("Ann")).pdf)) as opened:
        _, _, *others = (page.Contents for page in opened.pages)
        assert len({contents[0].objgen for contents in others}) == 1 < len(others)
        assert len({contents[1].objgen for contents in others}) == len(others)


@pytest.mark.parametrize(
    ("text", "written"),
    [("INV-1", b"(INV-1)"), (r"a(b)\c", rb"(a\(b\)\\c)"), ("Łó", b"<FEFF014100F3>"), ("a\nb", b"<FEFF0061000A0062>")],
)
def test_texts_of_properties(text, written):
    assert text_string(text) == written


def test_properties_that_are_elsewhere_are_refused(renderer):
    pdf = Objects.of(renderer._compiled(renderer.typesetter.printed(INVOICE)))
    with pytest.raises(ReplayError, match="properties"):
        Envelope.of(pdf, [])
