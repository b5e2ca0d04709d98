"""When all rows are read, which files' rows stay, and what types of JSON hold others."""

import pytest
from pyspark.sql.types import DataType, _parse_datatype_string

from billflow.lake.delivered import Delivered, Segment
from billflow.sources.increments import MOST_SEGMENTS, kept_files, why_whole, within


def segment(name: str = "s", rows: int = 10, **files: str) -> Segment:
    """A segment of files whose paths are written with `__` for `/`."""
    return Segment(path=name, rows=rows, files={path.replace("__", "/"): state for path, state in files.items()})


def before(*segments: Segment, rows: int = 10, basis: str = "b", highest: str | None = "9") -> Delivered:
    return Delivered(segments=segments or (segment(),), rows=rows, basis=basis, highest=highest)


@pytest.mark.parametrize(
    ("known", "has_watermark", "expected"),
    [
        (None, True, "nothing was read of it before"),
        (before(basis=""), True, "nothing was read of it before"),
        (before(basis="a"), True, "its mapping, its source or the version of billflow is another one"),
        (before(highest=None), True, "its watermark had no value"),
        (before(highest=None), False, ""),
        (before(*[segment()] * MOST_SEGMENTS, rows=200), True, "it is in 20 pieces"),
        (before(*[segment()] * (MOST_SEGMENTS - 1), rows=190), True, ""),
        (before(segment(), segment(), rows=10), True, ""),
        (before(segment(), segment(rows=11), rows=10), True, "more rows were replaced than stand"),
        (before(segment(rows=0), rows=0), True, ""),
    ],
)
def test_why_whole(known: Delivered | None, has_watermark: bool, expected: str) -> None:
    assert why_whole(known, "b", has_watermark=has_watermark) == expected


@pytest.mark.parametrize(
    ("states", "kept"),
    [
        ({"a": "1", "b": "1", "c": "1"}, [({"a": "1", "b": "1"}, ()), ({"c": "1"}, ())]),
        ({"a": "1", "b": "1", "c": "1", "new": "1"}, [({"a": "1", "b": "1"}, ()), ({"c": "1"}, ())]),
        ({"a": "1", "b": "2", "c": "1"}, [({"a": "1"}, ("b",)), ({"c": "1"}, ())]),
        ({"b": "1", "c": "2"}, [({"b": "1"}, ("a",))]),
        ({}, []),
    ],
)
def test_kept_files(states: dict[str, str], kept: list[tuple[dict[str, str], tuple[str, ...]]]) -> None:
    found = kept_files([segment("one", a="1", b="1"), segment("two", c="1")], states)
    assert [(one.files, one.left_out) for one in found] == kept


def test_files_of_one_name_cannot_be_left_out() -> None:
    one = segment(x__day="1", y__day="1", z__night="1")
    assert kept_files([one], {"x/day": "1", "y/day": "2", "z/night": "1"}) == ()
    [kept] = kept_files([one], {"x/day": "1", "y/day": "1"})
    assert kept.left_out == ("night",)


def test_what_was_left_out_stays_so() -> None:
    [once] = kept_files([segment(a="1", b="1", c="1")], {"a": "1", "b": "2", "c": "1"})
    [twice] = kept_files([once], {"a": "1", "b": "3", "c": "2"})
    assert (twice.files, twice.left_out, twice.rows) == ({"a": "1"}, ("b", "c"), 10)


@pytest.mark.parametrize(
    ("new", "known", "expected"),
    [
        ("bigint", "bigint", True),
        ("bigint", "string", False),
        ("decimal(3,1)", "decimal(5,2)", True),
        ("decimal(4,1)", "decimal(4,2)", False),
        ("decimal(4,3)", "decimal(5,2)", False),
        ("bigint", "decimal(22,2)", True),
        ("bigint", "decimal(21,2)", False),
        ("array<decimal(3,1)>", "array<decimal(5,2)>", True),
        ("array<bigint>", "bigint", False),
        ("struct<a:bigint>", "struct<a:bigint,b:string>", True),
        ("struct<a:bigint,c:string>", "struct<a:bigint,b:string>", False),
        ("struct<a:struct<x:string>>", "struct<a:struct<x:string,y:string>>", True),
    ],
)
@pytest.mark.usefixtures("spark")
def test_within(new: str, known: str, expected: bool) -> None:
    types: list[DataType] = [_parse_datatype_string(one) for one in (new, known)]
    assert within(*types) == expected
