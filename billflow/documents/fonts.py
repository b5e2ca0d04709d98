"""Fonts for the scripts that Typst's own fonts lack: which family a language needs, and where its files are.

Typst's own fonts (Libertinus Serif and others) have Latin, Greek and Cyrillic. A font for another script is looked for
in three places, and the first that has it is taken:

1. any .ttf, .otf or .ttc in the project's `templates/` folder; these travel with the templates;
2. the packages of the extra `billflow[fonts]`: the Noto serif fonts, under the SIL Open Font License 1.1;
3. the folders of Debian's `fonts-noto-core` and `fonts-noto-cjk`; of these only the families named here.

Fonts of 2 and 3 stay where they are: 5 to 27 MB each are too much to send to every task. What travels is their SHA-256,
which is part of the templates' fingerprint, and an executor refuses to print with other files: so the same payload and
the same fingerprint give the same bytes on any machine.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from billflow.errors import MachineError

LATIN = "Libertinus Serif"
SUFFIXES = (".ttf", ".otf", ".ttc")
EXTRA = "pip install 'billflow[fonts]'"


@dataclass(frozen=True)
class Source:
    """Files of one family, in a Python package or (an absolute path) in a folder."""

    place: str
    family: str
    names: tuple[str, ...]

    def folder(self) -> Path | None:
        """Where the files are, or None unless all of them are there."""
        folder = Path(self.place) if self.place.startswith("/") else _package(self.place)
        return folder if folder and all((folder / name).is_file() for name in self.names) else None


@dataclass(frozen=True)
class Script:
    """A script that needs a font of its own, the languages written in it, and what brings a font, best first."""

    name: str
    languages: tuple[str, ...]
    sources: tuple[Source, ...]
    debian: str


@dataclass(frozen=True)
class Font:
    """A font file by content. `path` is where it was found; another machine may have it elsewhere."""

    script: str
    family: str
    name: str
    sha256: str
    path: str = field(compare=False)


def _noto(package: str, file: str, family: str) -> tuple[Source, ...]:
    stem = family.replace(" ", "")
    debian = Source("/usr/share/fonts/truetype/noto", family, (f"{stem}-Regular.ttf", f"{stem}-Bold.ttf"))
    return (Source(package, family, (file,)), debian)


def _noto_cjk(package: str, region: str) -> tuple[Source, ...]:
    both = ("NotoSerifCJK-Regular.ttc", "NotoSerifCJK-Bold.ttc")
    debian = Source("/usr/share/fonts/opentype/noto", f"Noto Serif CJK {region}", both)
    return (Source(package, f"Noto Serif {region}", (f"NotoSerif{region}-Regular.otf",)), debian)


def _alphabet(name: str, languages: tuple[str, ...], package: str, family: str) -> Script:
    file = f"{family.replace(' ', '')}-Variable.ttf"
    return Script(name, languages, _noto(package, file, family), "fonts-noto-core")


SCRIPTS = (
    _alphabet("Arabic", ("ar", "fa", "ur"), "pylopdf_fonts_ar", "Noto Naskh Arabic"),
    _alphabet("Devanagari", ("hi", "mr", "ne"), "pylopdf_fonts_hi", "Noto Serif Devanagari"),
    _alphabet("Hebrew", ("he",), "pylopdf_fonts_he", "Noto Serif Hebrew"),
    _alphabet("Thai", ("th",), "pylopdf_fonts_th", "Noto Serif Thai"),
    Script("Chinese", ("zh",), _noto_cjk("pylopdf_fonts_zh_cn", "SC"), "fonts-noto-cjk"),
    Script("Japanese", ("ja",), _noto_cjk("pylopdf_fonts_jp", "JP"), "fonts-noto-cjk"),
    Script("Korean", ("ko",), _noto_cjk("pylopdf_fonts_ko", "KR"), "fonts-noto-cjk"),
)


def find_fonts() -> tuple[Font, ...]:
    """The fonts of this machine for each of SCRIPTS that has one, in that order."""
    return tuple(font for script in SCRIPTS for font in _found(script))


def located(font: Font) -> Path:
    """Where a font is on this machine. Raises MachineError when it is missing or another version of it is here."""
    places = [Path(font.path), *(folder / font.name for folder in _folders() if folder)]
    existing = [place for place in places if place.is_file()]
    if here := next((place for place in existing if _digest(place) == font.sha256), None):
        return here
    what = f"is here in another version than the templates were found with: {existing[0]}" if existing else "is missing"
    raise MachineError(
        f"the font {font.family} ({font.name}) {what}",
        where="fonts of the templates",
        remedy="install the same version of billflow[fonts], or of Debian's fonts, on every machine that renders",
    )


def script_of(language: str) -> Script | None:
    """The script that needs a font of its own; None for languages that Typst's own fonts can print."""
    return next((script for script in SCRIPTS if language in script.languages), None)


def lacking(language: str, fonts: Sequence[Font]) -> Script | None:
    """The script of a language for which none of the fonts was found."""
    script = script_of(language)
    return None if any(script and font.script == script.name for font in fonts) else script


def families(language: str, fonts: Sequence[Font], brand: str | None = None) -> list[str]:
    """The families to print in, first choice first: Latin letters and digits look alike in all languages, in the
    brand's family if there is one.

    Chinese, Japanese and Korean share characters and write them differently: the language's own font comes first.
    """
    own = script_of(language)
    in_order = sorted(fonts, key=lambda font: own is None or font.script != own.name)
    return list(dict.fromkeys([brand or LATIN, LATIN, *(font.family for font in in_order)]))


def install(script: Script) -> str:
    """The commands that bring a font for a script."""
    return f"{EXTRA} (or apt-get install {script.debian})"


def _found(script: Script) -> Iterator[Font]:
    for source in script.sources:
        if folder := source.folder():
            for name in source.names:
                path = folder / name
                yield Font(script.name, source.family, name, _digest(path), str(path))
            return


def _folders() -> Iterator[Path | None]:
    for script in SCRIPTS:
        for source in script.sources:
            yield source.folder()


def _package(name: str) -> Path | None:
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _digest(path: Path) -> str:
    status = path.stat()
    return _digest_of(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest_of(path: Path, _size: int, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
