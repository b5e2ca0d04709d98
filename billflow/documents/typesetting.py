"""The files that Typst reads for one document: planned in the widths of the fonts at hand, with no glyph missing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import typst

from billflow.documents.attempts import Steps, whole
from billflow.documents.brand import check_family
from billflow.documents.declared import refused
from billflow.documents.fonts import EXTRA, LATIN, families, install, located
from billflow.documents.formatting import Formats, language_of
from billflow.documents.glyphs import Glyphs, MissingGlyphsError, carry_meaning, places, replaced, told
from billflow.documents.notices import NAME as TEXTS
from billflow.documents.paper import Page, Payload, Stationery, paper_of, typeface_of
from billflow.documents.replay.composing import Composer, Composition
from billflow.documents.replay.envelopes import TITLE
from billflow.documents.replay.hand import Hands
from billflow.documents.replay.letters import ReplayError
from billflow.documents.replay.marks import FURNITURE, NUMBER_MARK, SHAPING, marked
from billflow.documents.replay.skeletons import Skeletons
from billflow.documents.replay.trials import Trials
from billflow.documents.replay.writing import Writing
from billflow.documents.specimen import Specimen
from billflow.documents.templates import MAIN, TemplateSet, are_shipped, languages_without_fonts
from billflow.documents.widths import USUAL, Widths, measured_by

ENVELOPE = "envelope.typ"
MOST_ROUNDS = 6
"""Planning meets new words where it breaks a long one; more rounds than two are needed only for such."""

Way = Literal["written", "sections written", "laid out"]
"""How a document is made: written as a whole, its sections into pages that Typst has laid out, or all by Typst."""


@dataclass(frozen=True)
class LaidOut:
    """The files of one document by name, what is printed otherwise than asked for, and what is written afterwards."""

    files: dict[str, str]
    remarks: str | None
    writing: Writing | Composition | None
    main: str = MAIN
    """The file that Typst begins with."""
    title: str = ""
    """Of a document that is written as a whole: its files have `TITLE` in its place."""

    @property
    def way(self) -> Way:
        if self.writing is None:
            return "laid out"
        return "written" if isinstance(self.writing, Composition) else "sections written"


@dataclass(frozen=True)
class Planned:
    """In which language a document is printed and how that writes, and all its texts, page by page."""

    formats: Formats
    bill: Page
    details: Page


class Typesetter:
    """A set of templates unpacked into `root` with its fonts, and what is known of their glyphs and widths so far."""

    def __init__(self, template_set: TemplateSet, root: Path, *, accessible: bool = False) -> None:
        self._accessible = accessible
        self._lacking = languages_without_fonts(template_set)
        stationery = Stationery.of(template_set.files)
        printable = {name: labels for name, labels in stationery.labels.items() if name not in self._lacking}
        self._stationery = replace(stationery, labels=printable)
        self._labels = {name: json.dumps(own, ensure_ascii=False) for name, own in printable.items()}
        self.languages = sorted(printable)
        self._fonts = template_set.fonts
        self._replays = not accessible and are_shipped(template_set.files, SHAPING)
        self._copies = are_shipped(template_set.files, [FURNITURE])
        self._composes = are_shipped(template_set.files, [name for name in template_set.files if name.endswith(".typ")])
        self._root = root
        self._hands: dict[str, Hands] = {}
        self._composers: dict[str, Composer] = {}
        _unpack({**template_set.files, **self._label_files()}, root)
        _link(template_set, root / "found-fonts")
        self.fonts = typst.Fonts(include_system_fonts=False, font_paths=[root])
        brand = stationery.brand
        check_family(brand, self.fonts.families())
        drawn = json.dumps(brand.drawn(), ensure_ascii=False).encode()
        (root / "brand.json").write_bytes(drawn)
        self._template_files = {**template_set.files, **self._label_files(), "brand.json": drawn}
        self.specimen = Specimen(root, "specimen", self.fonts, families("en", self._fonts, brand.font))
        self._glyphs = Glyphs(self.specimen)
        self.widths = Widths(self.specimen)
        self.widths.novel |= USUAL
        self.widths.learn()
        if brand.font:
            self.widths.bold = self.specimen.boldness()
        self._unprintable_labels: dict[str, set[str]] = {}

    def laid_out(self, payload: Payload, *, replayed: bool = True) -> LaidOut:
        """One document, with its sections to be written afterwards (`replayed`) where that can be.

        Raises MissingGlyphsError when letters or digits have no glyph.
        """
        with measured_by(self.widths):
            return whole(self.steps(payload, replayed=replayed))

    def steps(self, payload: Payload, *, replayed: bool = True) -> Steps[LaidOut]:
        """The same in steps, which are taken where texts are `measured_by` its widths."""
        planned = yield from self._planned(payload)
        yield
        laid_out, language = (yield from self._as_planned(planned, replayed=replayed)), planned.formats.language
        missing = self._glyphs.missing(laid_out.files.values()) | self._missing_labels(language)
        remarks = [self._without_font(payload)]
        if missing:
            remarks.append(f"no font has {self._bearable(missing, payload, language)}: printed as code points")
            planned = yield from self._planned(replaced(payload, missing))
            laid_out = yield from self._as_planned(planned, replayed=replayed)
        return replace(laid_out, remarks="; ".join(filter(None, remarks)) or None)

    def printed(self, payload: Payload) -> dict[str, str]:
        """The files of one document with all that it prints."""
        return self.laid_out(payload, replayed=False).files

    def check_texts(self) -> None:
        """Raises SettingsError when a notice has characters that no font at hand has, whichever bills print it."""
        for notice in self._stationery.texts.notices:
            for language, text in notice.languages():
                if missing := self._glyphs.missing([text]):
                    raise refused(TEXTS, f"no font has {told((char, f'a text in {language!r}') for char in missing)}")

    def _planned(self, payload: Payload) -> Steps[Planned]:
        """All texts of a document and their pages, in the widths of the fonts at hand."""
        for _ in range(MOST_ROUNDS):
            (bill, details), guessed = yield from self.widths.watched(paper_of(payload, self._stationery))
            if not guessed:
                break
            self.widths.learn()
        return Planned(self._stationery.formats(payload), bill, details)

    def _as_planned(self, planned: Planned, *, replayed: bool) -> Steps[LaidOut]:
        """Without remarks."""
        formats, bill, details = planned.formats, planned.bill, planned.details
        named = families(formats.language, self._fonts, self._stationery.brand.font)
        typeface = json.dumps(typeface_of(formats, named, accessible=self._accessible), ensure_ascii=False)
        if replayed and self._replays and named[0] == LATIN and formats.left_to_right:
            composed = yield from self._composed(bill, details, typeface)
            return composed or self._written(bill, details, typeface)
        return LaidOut(_files_of(typeface, bill, details), None, None)

    def _composed(self, bill: Page, details: Page, typeface: str) -> Steps[LaidOut | None]:
        """A document of which Typst lays out nothing; None where that cannot be."""
        if not self._composes:
            return None
        if typeface not in self._composers:
            folder, files = f"skeletons-{len(self._composers)}", self._template_files
            skeletons = Skeletons(self._root, folder, self.fonts, typeface, files)
            self._composers[typeface] = Composer(skeletons, self._hands_for(typeface))
        label = self._stationery.labels[bill["locale"]]["page"]
        found = yield from self._composers[typeface].composed(bill, details, label)
        if found is None:
            return None
        head = {"title": TITLE, "seller_name": bill["seller_name"], "alphabets": found.envelope}
        return LaidOut(_files_of(typeface, head), None, found, ENVELOPE, bill["title"])

    def _written(self, bill: Page, details: Page, typeface: str) -> LaidOut:
        """A document with marks, and what is written in their places; without any, where that cannot be."""
        label = self._stationery.labels[bill["locale"]]["page"] if self._copies else None
        shown, replay = marked(details, label)
        try:
            writing = Writing.of(replay, self._hands_for(typeface)) if replay else None
        except ReplayError:
            writing = None
        if writing is None:
            return LaidOut(_files_of(typeface, bill, details), None, None)
        numbered = bill | {"page_mark": NUMBER_MARK} if writing.replay.numbers else bill
        return LaidOut(_files_of(typeface, numbered, shown), None, writing)

    def _hands_for(self, typeface: str) -> Hands:
        if typeface not in self._hands:
            trials = Trials(self._root, f"trials-{len(self._hands)}", self.fonts, typeface)
            self._hands[typeface] = Hands(trials)
        return self._hands[typeface]

    def _missing_labels(self, language: str) -> set[str]:
        if language not in self._unprintable_labels:
            self._unprintable_labels[language] = self._glyphs.missing([self._labels[language]])
        return self._unprintable_labels[language]

    def _bearable(self, missing: set[str], payload: Payload, language: str) -> str:
        """Which characters are missing and where. Raises MissingGlyphsError if the bill cannot do without them."""
        found = list(places(payload, missing))
        own = sorted(missing - {char for char, _ in found})
        found += [(char, f"locales/{language}.json") for char in own]
        if own or carry_meaning(missing):
            raise MissingGlyphsError(
                f"no font has {told(found)}",
                where="fonts of the templates",
                remedy=f"{EXTRA} for Arabic, Chinese, Hebrew, Hindi, Japanese, Korean and Thai; "
                "for others put a font that has them into the project's templates/",
            )
        return told(found)

    def _without_font(self, payload: Payload) -> str | None:
        language = language_of(payload["language"] or "en")
        script = self._lacking.get(language)
        return f"no font for {script.name}, so in English: {install(script)}" if script else None

    def _label_files(self) -> dict[str, bytes]:
        return {f"locales/{name}.json": own.encode() for name, own in self._labels.items()}


def _files_of(typeface: str, bill: Page, details: Page | None = None) -> dict[str, str]:
    parts = {"bill.json": bill} | ({"details.json": details} if details is not None else {})
    files = {name: json.dumps(part, ensure_ascii=False) for name, part in parts.items()}
    return {"typeface.json": typeface, **files}


def _unpack(files: Mapping[str, bytes], root: Path) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _link(template_set: TemplateSet, folder: Path) -> None:
    """Typst looks for fonts in folders: one with exactly those that the templates were found with."""
    folder.mkdir()
    for font in template_set.fonts:
        link = folder / font.name
        if not link.exists():  # a collection holds several families
            link.symlink_to(located(font))
