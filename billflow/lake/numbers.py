"""Legal numbers of what is written, looked at by SQL: which ranges they fill, and which invoices break their series.

Nothing of how Spark gives them (`billflow.billing.numbering`) is used here: it is a check on that, too.
"""

from collections.abc import Iterator, Mapping

import duckdb

from billflow.lake.chain import ORDER
from billflow.lake.manifest import NumberRange
from billflow.lake.published import literal
from billflow.number_pattern import NumberPattern, Part, Year

_SERIES = "kind || '|' || year(issue_date)"
_SHOWN = 5


def number_ranges(
    connection: duckdb.DuckDBPyConnection, last: Mapping[str, int], patterns: Mapping[str, str]
) -> dict[str, NumberRange]:
    """Series → the numbers that its rows in table `invoices` must have, after the highest ones used before.

    KeyError for a kind that has no pattern.
    """
    found = connection.execute(
        f"SELECT {_SERIES}, kind, year(issue_date), count(*) FROM invoices GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return {series: _range(patterns[kind], year, last.get(series, 0) + 1, count) for series, kind, year, count in found}


def _range(pattern: str, year: int, first: int, count: int) -> NumberRange:
    parsed, last = NumberPattern.of(pattern), first + count - 1
    return NumberRange(
        first=first,
        last=last,
        first_number=parsed.number(year, first),
        last_number=parsed.number(year, last),
        pattern=pattern,
    )


def number_problems(connection: duckdb.DuckDBPyConnection, ranges: Mapping[str, NumberRange]) -> Iterator[str]:
    """Series that have more or fewer rows than numbers, and the first invoices whose number is not the one in turn."""
    counts = dict(connection.execute(f"SELECT {_SERIES}, count(*) FROM invoices GROUP BY ALL").fetchall())
    for series in sorted({*counts, *ranges}):
        expected = ranges[series].last - ranges[series].first + 1 if series in ranges else 0
        if counts.get(series, 0) != expected:
            yield f"series {series} has {counts.get(series, 0):,} invoices for {expected:,} numbers"
    wrong = connection.execute(
        f"""SELECT invoice_id, invoice_number, status, expected
        FROM (SELECT *, CASE {_SERIES} {_expected(ranges)} END AS expected
              FROM (SELECT *, row_number() OVER (PARTITION BY kind, year(issue_date) ORDER BY {ORDER}) AS place
                    FROM invoices))
        WHERE expected IS NULL OR invoice_number IS DISTINCT FROM expected OR status IS DISTINCT FROM 'confirmed'
        ORDER BY expected LIMIT {_SHOWN}"""
    )
    for invoice_id, number, status, expected in wrong.fetchall():
        yield f"invoice {invoice_id} is {status} with number {number}, where {expected} is in turn"


def _expected(ranges: Mapping[str, NumberRange]) -> str:
    """SQL: the branches of a CASE over the series; `place` is the row's place in its series, from 1."""
    known = " ".join(
        f"WHEN {literal(series)} THEN {_number(numbers, f'(place + {numbers.first - 1})')}"
        for series, numbers in ranges.items()
    )
    return f"{known} ELSE NULL" if known else "WHEN '' THEN NULL"


def _number(numbers: NumberRange, sequence: str) -> str:
    return " || ".join(_part(part, f"{sequence}::VARCHAR") for part in NumberPattern.of(numbers.pattern).parts)


def _part(part: Part, sequence: str) -> str:
    if isinstance(part, str):
        return literal(part)
    if isinstance(part, Year):
        return "year(issue_date)::VARCHAR"
    return f"lpad({sequence}, greatest({part.digits}, length({sequence}))::INTEGER, '0')"
