"""What the lake has of a source's rows: segments, each as one ingestion has read it, and never changed after that."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Segment(BaseModel):
    """One immutable folder of rows as a source delivered them, and how many are in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    rows: int
    files: dict[str, str] = Field(default_factory=dict)
    """Of a source of files those whose rows count: path → "bytes, time modified, time changed" as they were."""
    left_out: tuple[str, ...] = ()
    """Names of files whose rows do not count any more: they have changed since, or are gone."""


class Delivered(BaseModel):
    """The raw table of one delivery, and how far it has been read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segments: tuple[Segment, ...]
    """The oldest first."""
    rows: int
    """Those that count: not replaced by a row of the same key in a later segment, not of a file that is left out."""
    key: tuple[str, ...] = ()
    """Columns by which a row takes the place of an older one; without any, none does."""
    highest: str | None = None
    """Of its watermark, as its kind of source writes it."""
    basis: str = ""
    """Hash over what was read and how: what is read in another way cannot go on from it. Empty: nothing can."""

    @model_validator(mode="before")
    @classmethod
    def _of_one_folder(cls, value: Any) -> Any:
        """As manifests had it while every ingestion read all rows."""
        if isinstance(value, dict) and "path" in value:
            return {"segments": [{"path": value["path"], "rows": value["rows"]}], "rows": value["rows"]}
        return value
