"""Patterns of numbers give what Python's own formatting gives; what Spark and SQL could not apply is refused."""

import pytest

from billflow.number_pattern import NumberPattern


@pytest.mark.parametrize("sequence", [1, 7, 12_345, 99_999_999, 100_000_000])
@pytest.mark.parametrize(
    "pattern",
    ["INV-{year}-{seq:08d}", "{seq}/{year}", "{year}{seq:d}", "R%{year}'s {{x}} {seq:03}", "№ {year}·{seq:018d}"],
)
def test_number(pattern: str, sequence: int) -> None:
    assert NumberPattern.of(pattern).number(2026, sequence) == pattern.format(year=2026, seq=sequence)


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("INV-{seq}", "would repeat; add {year}"),
        ("INV-{year}", "would repeat; add {seq}"),
        ("{year}-{seq}-{seq:04d}", "{seq} is there more than once"),
        ("{year}-{year}-{seq}", "{year} is there more than once"),
        *[
            (f"{{year}}-{field}", "not a pattern")
            for field in (
                "{seq:8d}",
                "{seq:,}",
                "{seq:x}",
                "{seq!r}",
                "{seq:099d}",
                "{seq.real}",
                "{}",
                "{seq",
                "{month}",
            )
        ],
        ("{year:02d}-{seq}", "not a pattern"),
    ],
)
def test_refused(pattern: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r".*") as caught:
        NumberPattern.of(pattern)
    assert problem in str(caught.value)
