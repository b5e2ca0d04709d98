import hashlib
import pickle

import pytest

from billflow.documents import fonts
from billflow.documents.fonts import Font, Script, Source, families, find_fonts, install, lacking, located, script_of
from billflow.documents.templates import TemplateSet, find_templates, languages_without_fonts
from billflow.errors import MachineError

FONTS = tuple(
    Font(name, family, f"{family}.ttf", "0" * 64, "/nowhere")
    for name, family in (("Arabic", "Naskh"), ("Chinese", "Song"), ("Japanese", "Mincho"))
)


@pytest.fixture
def two_sources(tmp_path, monkeypatch):
    """A script whose font may be in either of two folders."""
    places = [tmp_path / name for name in ("extra", "debian")]
    for place in places:
        place.mkdir()
    sources = (
        Source(str(places[0]), "Extra Runic", ("Runic.ttf",)),
        Source(str(places[1]), "Runic", ("Runic.ttf", "Runic-Bold.ttf")),
    )
    monkeypatch.setattr(fonts, "SCRIPTS", (Script("Runic", ("run",), sources, "fonts-runic"),))
    return places


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ([], []),
        (["extra/Runic.ttf"], ["Extra Runic"]),
        (["debian/Runic.ttf"], []),
        (["debian/Runic.ttf", "debian/Runic-Bold.ttf"], ["Runic", "Runic"]),
        (["extra/Runic.ttf", "debian/Runic.ttf", "debian/Runic-Bold.ttf"], ["Extra Runic"]),
    ],
)
def test_find_fonts_takes_the_first_source_that_is_whole(two_sources, files, found):
    for name in files:
        (two_sources[0].parent / name).write_bytes(b"glyphs")
    assert [font.family for font in find_fonts()] == found


def test_find_fonts_tells_the_hash(two_sources):
    (two_sources[0] / "Runic.ttf").write_bytes(b"glyphs")
    assert [font.sha256 for font in find_fonts()] == [hashlib.sha256(b"glyphs").hexdigest()]


def test_located_finds_the_same_bytes_elsewhere(two_sources):
    (two_sources[0] / "Runic.ttf").write_bytes(b"glyphs")
    (font,) = find_fonts()
    elsewhere = Font(font.script, font.family, font.name, font.sha256, "/of/the/driver/Runic.ttf")
    assert located(elsewhere) == two_sources[0] / "Runic.ttf"


def test_located_refuses_other_bytes(two_sources):
    (two_sources[0] / "Runic.ttf").write_bytes(b"glyphs")
    (font,) = find_fonts()
    (two_sources[0] / "Runic.ttf").write_bytes(b"other glyphs")
    with pytest.raises(
        MachineError, match=r"Extra Runic \(Runic.ttf\) is here in another version(.|\n)*→ install the same"
    ):
        located(font)


def test_located_missing():
    with pytest.raises(MachineError, match=r"Song \(Song.ttf\) is missing"):
        located(FONTS[1])


@pytest.mark.parametrize(
    ("language", "in_order"),
    [
        ("en", ["Libertinus Serif", "Naskh", "Song", "Mincho"]),
        ("ja", ["Libertinus Serif", "Mincho", "Naskh", "Song"]),
        ("zh", ["Libertinus Serif", "Song", "Naskh", "Mincho"]),
    ],
)
def test_families_begin_with_the_languages_own(language, in_order):
    assert families(language, FONTS) == in_order


@pytest.mark.parametrize(
    ("language", "script"),
    [("pl", None), ("ar", None), ("hi", "Devanagari")],
)
def test_lacking(language, script):
    found = lacking(language, FONTS)
    assert (found.name if found else None) == script


def test_install_names_both_ways():
    script = script_of("ja")
    assert script
    assert install(script) == "pip install 'billflow[fonts]' (or apt-get install fonts-noto-cjk)"


def test_templates_name_their_fonts():
    files = find_templates(None).files
    one, other = (TemplateSet.of(files, FONTS[:count]) for count in (1, 2))
    assert one.fingerprint != other.fingerprint
    assert pickle.loads(pickle.dumps(other)).fonts == FONTS[:2]
    assert {name: script.name for name, script in languages_without_fonts(other).items()} == {
        "hi": "Devanagari",
        "ja": "Japanese",
    }


def test_extra_brings_a_font_for_every_script():
    assert {font.script for font in find_templates(None).fonts} == {script.name for script in fonts.SCRIPTS}
