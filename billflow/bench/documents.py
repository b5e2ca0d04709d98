"""PDFs of bills of four sizes: one after the other in one process, through Spark, and the same bill made by others."""

import json
import os
import shutil
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from string import ascii_lowercase
from tempfile import TemporaryDirectory
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from billflow.bench.bills import bill
from billflow.bench.machine import WARM_UP, milliseconds_of, peak_mebibytes
from billflow.bench.resources import Meter, Spent
from billflow.documents.rendering import Renderer, in_tasks, render_documents
from billflow.documents.store import write_options
from billflow.documents.templates import find_templates
from billflow.lake.session import start_session
from billflow.settings import Documents

SHAPES: dict[str, dict[str, Any]] = {
    "2 pages, 4 lines, 31 records": {"lines": 4, "records": 31},
    "5 pages, 400 records": {"subscriptions": 2, "lines": 6, "records": 200},
    "10 pages, 400 records": {"subscriptions": 10, "lines": 13, "records": 40},
    "12 pages, 1,200 records": {"subscriptions": 4, "lines": 8, "records": 300},
}
COMPARED = "10 pages, 400 records"
A_RIVALS = 5
"""Rivals are slow: they make one for each so many of ours."""
A_JOB = 5
"""Through Spark so many times as many are made: a job by itself takes what some hundred bills of two pages do."""

Make = Callable[[dict[str, Any]], bytes]


@dataclass(frozen=True)
class Made:
    """Medians of documents of one kind: CPU time (milliseconds), bytes, pages; and, through Spark, how many a second
    and core, and how many a second of CPU time, of which others' work on the machine takes nothing (None where it
    cannot be told).
    """

    name: str
    milliseconds: float
    pdf_bytes: float
    pages: float
    a_second_and_core: float | None = None
    a_cpu_second: float | None = None


@dataclass(frozen=True)
class Compared:
    """All of it. `peak_mebibytes` is what the one process had at most, after so many documents of `shapes`."""

    shapes: Sequence[Made]
    rivals: Sequence[Made]
    missing: Sequence[str]
    peak_mebibytes: float


def compare(documents: int, shown: Callable[[str], None]) -> Compared:
    """So many documents of each shape, through Spark A_JOB times as many, and some of others'.

    `shown` is told what comes next. Every document differs, so that no text of one is known from the one before.
    """
    alone = []
    for name, shape in SHAPES.items():
        shown(f"{name}, in one process")
        alone.append(_made(name, ours(), shape, documents))
    peak = peak_mebibytes()
    rivals, missing = _of_rivals(max(documents // A_RIVALS, WARM_UP), shown)
    shown("through Spark")
    return Compared(list(_through_spark(alone, A_JOB * documents)), rivals, missing, peak)


def bill_of(shape: dict[str, Any], seed: int) -> dict[str, Any]:
    """A bill of a customer of its own, with letters that others' names may not have."""
    payload, random = bill(**shape, seed=seed), Random(seed)
    name, street = ("".join(random.sample(ascii_lowercase, 9)).capitalize() for _ in range(2))
    return {**payload, "customer": {**payload["customer"], "name": f"Ann {name}", "street": f"{seed} {street} Street"}}


def ours(**wanted: Any) -> Make:
    renderer = Renderer(find_templates(None), Documents(**wanted))
    return lambda payload: renderer.render_pdf(payload).pdf


def _made(name: str, make: Make, shape: dict[str, Any], documents: int) -> Made:
    made: list[bytes] = []
    payloads = (bill_of(shape, seed) for seed in range(documents + WARM_UP))
    taken = milliseconds_of(lambda payload: made.append(make(payload)), payloads)
    return Made(name, taken, statistics.median(map(len, made[WARM_UP:])), _pages(made[-1]))


def _pages(pdf: bytes) -> int:
    import pypdfium2

    with pypdfium2.PdfDocument(pdf) as document:
        return len(document)


def _of_rivals(documents: int, shown: Callable[[str], None]) -> tuple[list[Made], list[str]]:
    made, missing = [], []
    for name, find in _RIVALS.items():
        shown(name)
        make = find()
        if make is None:
            missing.append(name)
        else:
            made.append(_made(name, make, SHAPES[COMPARED], documents))
    return made, missing


def _tables() -> Make:
    from billflow.bench.rivals.content import content_of
    from billflow.bench.rivals.with_typst_tables import Tables

    tables = Tables()
    return lambda payload: tables.pdf_of(content_of(payload))


def _command() -> Make | None:
    from billflow.bench.rivals.content import content_of
    from billflow.bench.rivals.with_typst_tables import Tables

    tables, command = Tables(), shutil.which("typst")
    return (lambda payload: tables.pdf_of_the_command(command, content_of(payload))) if command else None


def _reportlab() -> Make | None:
    try:
        from billflow.bench.rivals import with_reportlab
        from billflow.bench.rivals.content import content_of
    except ImportError:
        return None
    return lambda payload: with_reportlab.pdf_of(content_of(payload))


def _weasyprint() -> Make | None:
    try:
        from billflow.bench.rivals import with_weasyprint
        from billflow.bench.rivals.content import content_of
    except (ImportError, OSError):  # OSError where the libraries that it draws with are not installed
        return None
    return lambda payload: with_weasyprint.pdf_of(content_of(payload))


_RIVALS: dict[str, Callable[[], Make | None]] = {
    "billflow, accessible": lambda: ours(accessible=True),
    "Typst, tables with automatic columns": _tables,
    "typst compile, a process each": _command,
    "ReportLab": _reportlab,
    "WeasyPrint": _weasyprint,
}


def _through_spark(alone: Sequence[Made], documents: int) -> Iterator[Made]:
    """From payloads in Parquet to documents in Parquet, on all cores; the workers are warm."""
    with (
        TemporaryDirectory() as folder,
        start_session("bench", "local[*]", {}, Path(folder), input_bytes=0) as spark,
    ):
        for at, one in enumerate(alone):
            place = f"{folder}/{at}"
            rows = [
                (f"{seed * 2654435761 % 2**32:08x}", json.dumps(bill_of(SHAPES[one.name], seed)))
                for seed in range(documents)
            ]
            spark.createDataFrame(rows, "invoice_id string, payload string").write.parquet(place)
            _rendered(spark, place, f"{place}-warm")
            taken = _rendered(spark, place, f"{place}-made")
            made = spark.read.parquet(f"{place}-made").where("pdf is not null").count()
            a_core = made / taken.seconds / spark.sparkContext.defaultParallelism
            a_cpu_second = made / taken.cpu_seconds if taken.cpu_seconds else None
            yield replace(one, a_second_and_core=a_core, a_cpu_second=a_cpu_second)


def _rendered(spark: SparkSession, payloads: str, target: str) -> Spent:
    """What it takes, of this process and all below it."""
    found: DataFrame = spark.read.parquet(payloads).selectExpr("*", "'c01' AS cycle", "'2013-01' AS month")
    laid_out, meter = in_tasks(found, found.count()), Meter(os.getpid())
    with meter.step(target):
        render_documents(laid_out, find_templates(None)).write.options(**write_options()).parquet(target)
    return meter.spent.steps[target]
