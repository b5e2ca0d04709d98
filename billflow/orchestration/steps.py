"""How a step of the bill run fails and what it shows, while it runs and when it is done."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import dagster as dg
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from billflow.errors import BillflowError, PassingError
from billflow.lake.hadoop import of_spark
from billflow.lake.watching import watched

RETRY = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)
"""For what can pass by itself: a busy disk, a node that restarts. Bad data and bad settings are not tried again."""

POOL = "bill_runs"
"""Each bill run takes a place in this pool, from its start to its end; dagster.yaml says how many there are."""

_LOG_EVERY = 60
"""Seconds between two lines in Dagster's log about how far a long step is."""


@contextmanager
def explained(log: dg.DagsterLogManager) -> Iterator[None]:
    """Logs how far the step is; turns errors into Dagster failures that say what to do, of which passing ones retry."""
    try:
        with watched(lambda done, tasks: log.info("%d of %d tasks are done", done, tasks), every=_LOG_EVERY):
            yield
    except BillflowError as error:
        raise failure(error) from error
    except (PySparkException, Py4JError) as error:
        raise failure(of_spark(error)) from error


def failure(error: BillflowError) -> dg.Failure:
    """A failure that is tried again only when it can pass; the command line exits with the error's code."""
    passes = isinstance(error, PassingError)
    return dg.Failure(description=str(error), metadata={"exit_code": error.exit_code}, allow_retries=passes)


def sample(rows: DataFrame, *, size: int = 8) -> dg.TableMetadataValue:
    """The first rows of a table, as text."""
    return tabular(rows.columns, rows.limit(size).collect())


def tabular(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> dg.TableMetadataValue:
    """A small table, as text."""
    records = [dg.TableRecord({name: _shown(value) for name, value in zip(columns, row, strict=True)}) for row in rows]
    schema = dg.TableSchema(columns=[dg.TableColumn(name, "string") for name in columns])
    return dg.MetadataValue.table(records=records, schema=schema)


def _shown(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"
    return "" if value is None else str(value)


def described(rows: DataFrame, count: int, **more: Any) -> dict[str, Any]:
    """Metadata of a written table: its row count, a sample, and more."""
    shown = sample(rows) if count else tabular(rows.columns, ())
    return {"dagster/row_count": count, "sample": shown, **more}


def as_markdown(report: Mapping[str, Mapping[str, str]]) -> dg.MarkdownMetadataValue:
    """Verdict → rows and quantity, as a table."""
    lines = ["| | rows | quantity |", "|---|---:|---:|"]
    lines += [
        f"| {verdict.replace('|', ' ')} | {one['rows']} | {one.get('quantity', '')} |"
        for verdict, one in report.items()
    ]
    return dg.MetadataValue.md("\n".join(lines))
