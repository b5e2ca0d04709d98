"""Accessible documents against PDF/UA-1 (veraPDF 1.28.2)."""

import pytest

from billflow.bench.bills import bill
from billflow.documents.rendering import Renderer
from billflow.documents.sample import CREDIT_NOTE, ILLUSTRATED
from billflow.documents.templates import find_templates
from billflow.settings import Documents
from billflow_tests.documents.native import native_bill
from billflow_tests.validators.java import findings

pytestmark = pytest.mark.slow

CASES = {
    "pictures": ILLUSTRATED,
    "credit note": CREDIT_NOTE,
    "calls": bill(subscriptions=3, records=60),
    "arabic": native_bill("ar"),
    "japanese": native_bill("ja"),
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """Case → number of checks, and what breaks PDF/UA-1; `plain` is not accessible."""
    folder, templates = tmp_path_factory.mktemp("accessible"), find_templates(None)
    accessible, plain = Renderer(templates, Documents(accessible=True)), Renderer(templates)
    for name, payload in CASES.items():
        (folder / f"{name}.pdf").write_bytes(accessible.render_pdf(payload).pdf)
    (folder / "plain.pdf").write_bytes(plain.render_pdf(ILLUSTRATED).pdf)
    rows = findings("verapdf", ["ua1", *map(str, folder.glob("*.pdf"))], folder)
    return {path.rpartition("/")[2].removesuffix(".pdf"): (int(checks), found) for path, checks, *found in rows}


@pytest.mark.parametrize("name", CASES)
def test_it_is_pdf_ua_1(checked, name):
    checks, found = checked[name]
    assert found == []
    assert checks > 1000


def test_verapdf_finds_what_is_not_accessible(checked):
    assert checked["plain"][1] != []
