"""The Typst files a document is made of: the shipped ones, each replaceable by a file of the project.

`invoice.typ` prints `bill.json` and `details.json` (see `paper`) with one file of `components/` per section. Labels
are in `locales/<language>.json`: a language is one that has such a file, and a font (`fonts`). `layout.yaml` declares
the sections of the pages after the first (see `layout`), `pictures.json` the heights by which charts and payment codes
find their place, `brand.yaml` the seller's looks and `texts.yaml` what it tells its customers. A project may add
pictures and fonts.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import typst

import billflow
from billflow.documents.attempts import reason_of
from billflow.documents.brand import NAME as BRAND
from billflow.documents.brand import read_brand
from billflow.documents.declared import refused
from billflow.documents.fonts import LATIN, SUFFIXES, Font, Script, find_fonts, lacking
from billflow.documents.glyphs import Glyphs
from billflow.documents.notices import NAME as TEXTS
from billflow.documents.notices import read_texts
from billflow.documents.specimen import Specimen
from billflow.errors import SettingsError
from billflow.settings import Documents

PACKAGE = Path(billflow.__file__).parent
PLACES = (PACKAGE / "templates", PACKAGE.parent / "templates")
MAIN = "invoice.typ"


@dataclass(frozen=True)
class TemplateSet:
    """Relative names (`components/header.typ`) and contents, fonts by their hash, and one fingerprint of them all.

    `fingerprint` is the SHA-256 (hex) over names and contents; `documents.template` shows it. Picklable: it travels
    to the workers as it is; the fonts are found there.
    """

    files: dict[str, bytes]
    fingerprint: str
    fonts: tuple[Font, ...] = ()

    @classmethod
    def of(cls, files: Mapping[str, bytes], fonts: tuple[Font, ...] = ()) -> "TemplateSet":
        ordered = dict(sorted(files.items()))
        digest = hashlib.sha256()
        for name, content in ordered.items():
            digest.update(f"{len(name.encode())}:{name}{len(content)}:".encode() + content)
        for font in fonts:
            digest.update(f"{font.name}:{font.sha256}".encode())
        return cls(ordered, digest.hexdigest(), fonts)


def find_templates(override: Path | None = None) -> TemplateSet:
    """The shipped templates, in the package (a wheel) or beside it (a clone), with `override`'s files on top.

    `override` is a project's `templates/` folder; a file there replaces the shipped one of the same relative name, and
    labels there replace those of the same name.
    Raises SettingsError when the shipped ones are missing.
    """
    shipped = next((place for place in PLACES if (place / MAIN).is_file()), None)
    if shipped is None:
        raise SettingsError(
            f"the shipped templates are missing: no {MAIN}",
            where=str(PLACES[0]),
            remedy="install billflow again, or run it from a complete clone",
        )
    files = dict(_files(shipped))
    for name, content in _files(override) if override and override.is_dir() else ():
        files[name] = _merged(files[name], content) if _is_labels(name) and name in files else content
    return TemplateSet.of(files, find_fonts())


def are_shipped(files: Mapping[str, bytes], names: Iterable[str]) -> bool:
    """Whether files of those names are the shipped ones."""
    shipped = next(place for place in PLACES if (place / MAIN).is_file())
    return all((shipped / name).is_file() and files.get(name) == (shipped / name).read_bytes() for name in names)


def _merged(shipped: bytes, own: bytes) -> bytes:
    """Labels of a language with a project's own in the place of some; what is no JSON is told of where it is read."""
    try:
        return json.dumps(json.loads(shipped) | json.loads(own), ensure_ascii=False, indent=2).encode()
    except (ValueError, TypeError):
        return own


def check_own_templates(folder: Path, wanted: Documents) -> None:
    """`check_templates` where a project's folder has files; the shipped ones are known to work."""
    if folder.is_dir() and any(_files(folder)):
        check_templates(find_templates(folder), wanted)


def check_templates(template_set: TemplateSet, wanted: Documents) -> None:
    """Render a small bill and a credit note, as `wanted`, in every language that this machine has fonts for, with every
    notice whomever it is for.

    Raises SettingsError with Typst's message, file and line if a template is broken, and for a brand's typeface in
    which texts lie on one another.

    This compiles in the calling process, which may start Spark (its Python workers descend from the JVM) but must not
    fork workers that render: see `rendering.Renderer`.
    """
    from billflow.documents.rendering import Renderer  # noqa: PLC0415 - it imports this module
    from billflow.documents.sample import SAMPLES  # noqa: PLC0415

    try:
        texts, brand = read_texts(template_set.files), read_brand(template_set.files)
        told = {**template_set.files, TEXTS: texts.for_everyone().model_dump_json().encode()}
        renderer = Renderer(TemplateSet.of(told, template_set.fonts), wanted)
        renderer.typesetter.check_texts()
        for payload, language in product(SAMPLES, renderer.languages):
            einvoice = b"<sample/>" if wanted.factur_x else None
            made = renderer.render_pdf({**payload, "language": language}, einvoice=einvoice)
            if brand.font:
                _check_typeface(brand.font, language, made.pdf)
    except Exception as problem:
        raise SettingsError(
            f"a template is broken\n{reason_of(problem)}",
            where="templates",
            remedy="mend the file that is named; deleting it from the project brings back the shipped one",
        ) from problem


def _check_typeface(family: str, language: str, pdf: bytes) -> None:
    from billflow.documents.proofs.overlaps import overlaps  # noqa: PLC0415 - only for a typeface of one's own
    from billflow.documents.proofs.sheets import read_sheets  # noqa: PLC0415

    for sheet in read_sheets(pdf):
        for finding in overlaps(sheet):
            raise refused(BRAND, f"font: {family!r} is too wide, as bills in {language!r} show: {finding.what}")


def languages_without_fonts(template_set: TemplateSet) -> dict[str, Script]:
    """Languages that have labels but cannot be printed here, and the script that lacks a font."""
    labels = {name[8:-5]: text for name, text in template_set.files.items() if _is_labels(name)}
    scripts = {language: lacking(language, template_set.fonts) for language in labels}
    lack = {language: script for language, script in scripts.items() if script}
    brought = {name: font for name, font in template_set.files.items() if name.lower().endswith(SUFFIXES)}
    if not (lack and brought):
        return lack
    printable = _printable({language: labels[language].decode() for language in lack}, brought)
    return {language: script for language, script in lack.items() if language not in printable}


def _printable(texts: Mapping[str, str], fonts: Mapping[str, bytes]) -> list[str]:
    """The names of texts for which the fonts have all letters. Typst's own have Arabic too, but of fixed width."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number, content in enumerate(fonts.values()):
            (root / f"{number}{SUFFIXES[0]}").write_bytes(content)
        found = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[root])
        families = [LATIN, *found.families()]
        at_hand = typst.Fonts(include_system_fonts=False, font_paths=[root])
        glyphs = Glyphs(Specimen(root, "specimen", at_hand, families, fallback=False))
        return [name for name, text in texts.items() if not glyphs.missing([text])]


def _is_labels(name: str) -> bool:
    return name.startswith("locales/") and name.endswith(".json")


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield path.relative_to(folder).as_posix(), path.read_bytes()
