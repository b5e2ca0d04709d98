import io
from contextlib import suppress

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billflow.documents.rendering import Renderer
from billflow.documents.replay.charsets import Programs, renumbered
from billflow.documents.replay.letters import ReplayError
from billflow.documents.sample import INVOICE
from billflow.documents.templates import find_templates


@pytest.fixture(scope="module")
def font():
    """As Typst embeds it."""
    pdf = Renderer(find_templates(None)).render_pdf(INVOICE, replayed=False).pdf
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        [descendant] = opened.pages[0].Resources.Font.f0.DescendantFonts
        return descendant.FontDescriptor.FontFile3.read_bytes()


def test_only_the_place_of_the_numbers_changes(font):
    made = renumbered(font, {1: 65, 3: 66})
    changed = [at for at, (old, new) in enumerate(zip(font, made, strict=False)) if old != new]
    place = made.index(len(font).to_bytes(4))
    assert set(changed) <= set(range(place, place + 4))
    numbers = made[len(font) :]
    assert numbers[:7] == bytes([0, 0, 65, 1, 2, 0, 66])  # format 0; the second glyph keeps a number of its own
    assert len(numbers) % 2 == 1


@pytest.mark.parametrize("broken", [b"", b"\1\0\4\4", bytes(100), bytes(range(256)) * 4, b"\1\0\4\1\0\2\1\1\2a\0\2"])
def test_what_is_no_such_font_is_refused(broken):
    with pytest.raises(ReplayError):
        renumbered(broken, {1: 65})


@given(st.data())
def test_what_is_cut_is_refused_or_has_its_numbers(font, data):
    cut = font[: data.draw(st.integers(0, 300))]
    with suppress(ReplayError):
        assert renumbered(cut, {}).startswith(cut[:4])


def test_glyphs_that_are_not_kept_draw_nothing(font):
    programs = Programs.of(font)
    made = Programs.of(programs.only({3}))
    assert b"".join([made.before, *made.programs, made.behind]) == programs.only({3})
    assert len(programs.only({3})) == len(font)
    assert (made.before, made.behind) == (programs.before, programs.behind)
    kept = [glyph for glyph, (old, new) in enumerate(zip(programs.programs, made.programs, strict=True)) if old == new]
    assert kept == [0, 3]
    assert {*b"".join(made.programs[1:3])} == {14}  # endchar
