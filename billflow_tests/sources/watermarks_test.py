"""From which value on a database is read again, as its SQL has it."""

from datetime import timedelta

import pyarrow as pa
import pytest

from billflow.errors import SettingsError
from billflow.mapping_options import Watermark
from billflow.sources.database import DAY, INSTANT, REAL, TEXT, WALL_CLOCK, WHOLE
from billflow.sources.database_kinds import DATABASES
from billflow.sources.watermarks import newer, written

COLUMNS: dict[str, pa.DataType] = {
    "at": INSTANT,
    "wall": WALL_CLOCK,
    "day": DAY,
    "no": WHOLE,
    "version": pa.decimal128(38, 4),
    "seconds": REAL,
    "text": TEXT,
}


def condition(column: str, overlap: str | None, highest: str | None) -> str | None:
    watermark = Watermark(column=column, key="id", overlap=overlap)
    return newer(DATABASES["postgresql"], pa.schema(list(COLUMNS.items())), watermark, highest, "billflow.yaml: t")


@pytest.mark.parametrize(
    ("column", "overlap", "highest", "lowest"),
    [
        ("at", None, "2026-05-02 10:00:00+00:00", "'2026-05-02 08:59:59.999999+00:00'"),
        ("at", "15 minutes", "2026-05-02 10:00:00.5+00:00", "'2026-05-02 09:45:00.499999+00:00'"),
        ("wall", "90", "2026-05-02 10:00:00", "'2026-05-02 09:58:29.999999'"),
        ("day", "2 days", "2026-05-02", "'2026-04-29'"),
        ("day", None, "2026-05-02", "'2026-05-01'"),
        ("no", "1000", "5000", "4000"),
        ("no", "0", "-5", "-5"),
        ("version", "0.5", "12.25", "11"),
        ("seconds", "1", "1.5e3", "1499"),
        ("text", "0", "it's", "'it''s'"),
    ],
)
def test_newer(column: str, overlap: str | None, highest: str, lowest: str) -> None:
    assert condition(column, overlap, highest) == f'("{column}" >= {lowest} OR "{column}" IS NULL)'


@pytest.mark.parametrize(("column", "highest"), [("at", None), ("seconds", "nan"), ("seconds", "inf")])
def test_nothing_to_go_on_from(column: str, highest: str | None) -> None:
    assert condition(column, "5", highest) is None


@pytest.mark.parametrize(
    ("column", "overlap", "told"),
    [
        ("no", None, "is a number"),
        ("no", "1 hour", "is a number"),
        ("text", None, "is a text"),
        ("text", "1", "is a text"),
        ("nope", "1", "no column 'nope'"),
    ],
)
def test_an_overlap_that_is_none_of_the_type(column: str, overlap: str | None, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        condition(column, overlap, "5")


def test_bytes_are_no_watermark() -> None:
    watermark = Watermark(column="version", key="id", overlap="0")
    assert [written(watermark, one, "y") for one in (None, 5, "z")] == [None, "5", "z"]
    with pytest.raises(SettingsError, match="the watermark 'version' is binary"):
        written(watermark, b"\x00", "y")


@pytest.mark.parametrize(
    ("overlap", "seconds"),
    [(None, 3600), ("90", 90), ("1.5 seconds", 1.5), ("1 minute", 60), ("2hours", 7200), ("1 day", 86400)],
)
def test_durations(overlap: str | None, seconds: float) -> None:
    assert Watermark(column="at", key="id", overlap=overlap).duration == timedelta(seconds=seconds)
