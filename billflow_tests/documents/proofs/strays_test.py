import pytest

from billflow.bench.bills import bill
from billflow.documents.proofs.strays import strays

CALLS = bill(subscriptions=2, lines=6, records=60)


def whole(press):
    return press.renderer.render_pdf(CALLS, replayed=False).pdf


def test_what_is_written_is_what_typst_lays_out(shipped):
    assert shipped.renderer.typesetter.laid_out(CALLS).writing is not None
    assert list(strays(shipped.pdf(CALLS), whole(shipped))) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("components/table.typ", "y: -0.1 * part.pitch * 1pt", "y: -0.11 * part.pitch * 1pt"), "otherwise"),
        (("components/table.typ", "size: 7.5pt, fill: soft", "size: 7.6pt, fill: soft"), "otherwise"),
        (("components/table.typ", "size: 7.5pt, fill: soft", "size: 7.5pt, fill: ink"), "otherwise"),
        (("layout.yaml", "gutter: 8", "gutter: 9"), "otherwise"),
        (("components/table.typ", "(part.head - 6) * 1pt", "(part.head - 8) * 1pt"), "lines or areas"),
        (("components/table.typ", "if part.ruled {", "if false {"), "lines or areas"),
    ],
)
def test_what_is_otherwise_is_found(shipped, changed_templates, change, told):
    found = list(strays(whole(changed_templates(change)), whole(shipped)))
    assert {finding.kind for finding in found} == {"written"}
    assert all(told in finding.what for finding in found)


def test_more_or_fewer_letters_and_pages_are_found(shipped):
    longer = bill(subscriptions=2, lines=6, records=300)
    found = [finding.what for finding in strays(shipped.pdf(longer), whole(shipped))]
    assert any("pages are written where Typst lays out" in what for what in found)
