"""`texts.yaml`: what the seller tells its customers on their bills, by language, segment, kind of document and time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from billflow.documents.declared import Declared, read_declared
from billflow.documents.pagination import wrap
from billflow.documents.widths import boldness

NAME = "texts.yaml"
SECTION = "notices"
"""The list, of titles and texts, that the details print where the first page has no room."""
FALLBACK = "en"
SIZE, PITCH = 8.5, 12.0
"""Points of a notice's text on the first page; its height there is planned with `pictures.json`."""
VALUES = ("account_id", "amount", "customer", "due_date", "reference", "seller")
"""What texts may name in braces."""


def _with_known_values(text: str) -> str:
    try:
        named = [
            f"{name}{'!' if conversion else ''}{conversion or ''}{':' if spec else ''}{spec}"
            for _, name, spec, conversion in Formatter().parse(text)
            if name is not None
        ]
    except ValueError as problem:
        raise ValueError(f"{problem}; a brace that is printed is written twice: {{{{ }}}}") from None
    if unknown := [name for name in named if name not in VALUES]:
        raise ValueError(f"{{{unknown[0]}}} is none of the values that texts may name: {', '.join(VALUES)}")
    return text


Text = Annotated[str, Field(min_length=1), AfterValidator(_with_known_values)]
ByLanguage = Annotated[dict[str, Text], Field(min_length=1, description="by language, such as `de`")]


class Notice(Declared):
    """A paragraph under a title. A language that it lacks gets English, or else the first one that it has."""

    title: ByLanguage
    text: ByLanguage
    segments: tuple[str, ...] | None = Field(default=None, description="of customers; all if not given")
    kinds: tuple[Literal["invoice", "credit_note"], ...] = ("invoice", "credit_note")
    since: date | None = Field(default=None, description="first day of issue of documents that print it")
    until: date | None = Field(default=None, description="last day of issue of documents that print it")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "Notice":
        if self.since and self.until and self.until < self.since:
            raise ValueError(f"until {self.until} is before since {self.since}")
        return self

    def is_for(self, payload: Mapping[str, Any]) -> bool:
        invoice, segment = payload["invoice"], payload["customer"].get("segment")
        day = date.fromisoformat(invoice["issue_date"])
        return (
            invoice["kind"] in self.kinds
            and (self.segments is None or segment in self.segments)
            and (self.since or day) <= day <= (self.until or day)
        )

    def languages(self) -> Iterator[tuple[str, str]]:
        """Each of its texts and the language of it."""
        for texts in (self.title, self.text):
            yield from texts.items()


class Texts(Declared):
    """The whole file."""

    version: Literal[1]
    notices: tuple[Notice, ...] = Field(default=(), description="in the order in which they are printed")

    def for_everyone(self) -> "Texts":
        """Each notice without its conditions, so that all of them can be tried."""
        return Texts(version=1, notices=tuple(Notice(title=one.title, text=one.text) for one in self.notices))


NONE = Texts(version=1)


@dataclass(frozen=True)
class Printed:
    """A notice in one language, its values filled in."""

    title: str
    text: str


def read_texts(files: Mapping[str, bytes]) -> Texts:
    """The texts of a template set; none without a file. SettingsError names what is wrong and where."""
    return read_declared(Texts, NAME, files[NAME]) if NAME in files else NONE


def notices_of(texts: Texts, payload: Mapping[str, Any], language: str, values: Mapping[str, str]) -> list[Printed]:
    """What a document tells its customer; `values` are those of VALUES, as they are printed."""
    chosen = [notice for notice in texts.notices if notice.is_for(payload)]
    return [
        Printed(*(_in_language(said, language).format_map(values) for said in (notice.title, notice.text)))
        for notice in chosen
    ]


def _in_language(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or texts.get(FALLBACK) or next(iter(texts.values()))


def panel_of(notices: Sequence[Printed], width: float) -> dict[str, Any] | None:
    """Notices below one another, `width` points wide: the line at which each begins and its texts, and all `lines`."""
    items: list[dict[str, Any]] = []
    at = 0
    for notice in notices:
        title = wrap(notice.title, width / SIZE / boldness())
        text = [line for part in notice.text.splitlines() for line in wrap(part, width / SIZE)]
        items.append({"at": at, "title": "\n".join(title), "below": at + len(title), "text": "\n".join(text)})
        at += len(title) + len(text) + 1
    return {"items": items, "lines": at - 1} if items else None
