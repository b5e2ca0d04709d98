"""Time, size and pages of bills, one after the other in one process; beside the same content made by others.

python -m billflow_tests.benchmarks.documents_bench [--invoices N] [--rivals] [--renders N] [--spark N]

Rivals need the extra `bench`. `--renders N` makes N documents in one process and shows its memory on the way; `--spark N`
makes N of each shape on all cores through Spark, into Parquet, as a bill run does.
"""

import argparse
import json
import resource
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from billflow.documents.rendering import Renderer, in_tasks, page_count, render_documents
from billflow.documents.store import write_options
from billflow.documents.templates import find_templates
from billflow.lake.session import start_session
from billflow.settings import Documents
from billflow_tests.documents.shapes import bill

SHAPES: dict[str, dict[str, Any]] = {
    "2 pages, 4 lines, 31 records": {"lines": 4, "records": 31},
    "5 pages, 400 records": {"subscriptions": 2, "lines": 6, "records": 200},
    "10 pages, 400 records": {"subscriptions": 10, "lines": 13, "records": 40},
    "12 pages, 1,200 records": {"subscriptions": 4, "lines": 8, "records": 300},
}
COMPARED = "10 pages, 400 records"
WARM_UP = 3

Make = Callable[[dict[str, Any]], bytes]


@dataclass(frozen=True)
class Measured:
    """Medians over the invoices of one shape: CPU time, file size, pages."""

    milliseconds: float
    pdf_bytes: float
    pages: float


def measure(make: Make, shape: dict[str, Any], invoices: int) -> Measured:
    """Every invoice differs, so that no text is known to Typst's cache from the one before."""
    rows = []
    for seed in range(invoices + WARM_UP):
        payload = bill(**shape, seed=seed)
        started = time.process_time()
        pdf = make(payload)
        rows.append(((time.process_time() - started) * 1000, len(pdf), _pages(pdf)))
    return Measured(*(statistics.median(column) for column in zip(*rows[WARM_UP:], strict=True)))


def _pages(pdf: bytes) -> int:
    import pypdfium2  # other programs' page trees are packed

    try:
        return page_count(pdf)
    except ValueError:
        return len(pypdfium2.PdfDocument(pdf))


def ours(**wanted: Any) -> Make:
    renderer = Renderer(find_templates(None), Documents(**wanted))
    return lambda payload: renderer.render_pdf(payload).pdf


def rivals() -> Iterator[tuple[str, Make]]:
    from billflow_tests.benchmarks.rivals import with_reportlab, with_weasyprint  # of an extra
    from billflow_tests.benchmarks.rivals.content import content_of
    from billflow_tests.benchmarks.rivals.with_typst_tables import Tables

    tables = Tables()
    yield "Typst, tables with automatic columns", lambda payload: tables.pdf_of(content_of(payload))
    yield "ReportLab", lambda payload: with_reportlab.pdf_of(content_of(payload))
    yield "WeasyPrint", lambda payload: with_weasyprint.pdf_of(content_of(payload))
    if shutil.which("typst"):
        yield "typst compile, a process each", lambda payload: tables.pdf_of_the_command(content_of(payload))


def compare(invoices: int) -> None:
    makers = [("billflow", ours()), ("billflow, accessible", ours(accessible=True)), *rivals()]
    print(f"\n{COMPARED}\n{'':40}{'ms':>8}{'bytes':>10}{'pages':>7}{'ratio':>7}")
    found = [(name, measure(make, SHAPES[COMPARED], invoices)) for name, make in makers]
    for name, one in found:
        ratio = one.milliseconds / found[0][1].milliseconds
        print(f"{name:40}{one.milliseconds:8.1f}{one.pdf_bytes:10,.0f}{one.pages:7.0f}{ratio:7.1f}")


def endure(renders: int) -> None:
    """Memory (resident, at most) of one process over many documents."""
    make = ours()
    for number in range(renders):
        make(bill(subscriptions=2, lines=6, records=50, seed=number))
        if number % (renders // 10) == 0:
            print(f"{number:8,} documents {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.0f} MiB")


def through_spark(invoices: int) -> None:
    """Documents a second and core, from payloads in Parquet to documents in Parquet; the workers are warm."""
    print(f"{'shape':40}{'a second and core':>20}{'bytes':>10}")
    with (
        TemporaryDirectory() as folder,
        start_session("documents_bench", "local[*]", {}, Path(folder), input_bytes=0) as spark,
    ):
        for name, shape in SHAPES.items():
            place = f"{folder}/{len(name)}"
            rows = [
                (f"{seed * 2654435761 % 2**32:08x}", json.dumps(bill(**shape, seed=seed))) for seed in range(invoices)
            ]
            spark.createDataFrame(rows, "invoice_id string, payload string").write.parquet(place)
            _rendered(spark, place, f"{place}-warm")
            seconds = _rendered(spark, place, f"{place}-made")
            made = spark.read.parquet(f"{place}-made").selectExpr("count(pdf)", "avg(bytes)").first()
            cores = spark.sparkContext.defaultParallelism
            print(f"{name:40}{made[0] / seconds / cores:20.1f}{made[1]:10,.0f}", flush=True)


def _rendered(spark: Any, payloads: str, target: str) -> float:
    """How many seconds it takes."""
    found = spark.read.parquet(payloads).selectExpr("*", "'c01' AS cycle", "'2013-01' AS month")
    laid_out = in_tasks(found, found.count())
    started = time.perf_counter()
    render_documents(laid_out, find_templates(None)).write.options(**write_options()).parquet(target)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--invoices", type=int, default=100)
    parser.add_argument("--rivals", action="store_true")
    parser.add_argument("--renders", type=int)
    parser.add_argument("--spark", type=int)
    options = parser.parse_args()
    if options.spark:
        through_spark(options.spark)
        return
    if options.renders:
        endure(options.renders)
        return
    make = ours()
    print(f"{'shape':40}{'ms':>8}{'bytes':>10}{'pages':>7}")
    for name, shape in SHAPES.items():
        one = measure(make, shape, options.invoices)
        print(f"{name:40}{one.milliseconds:8.1f}{one.pdf_bytes:10,.0f}{one.pages:7.0f}")
    if options.rivals:
        compare(max(options.invoices // 5, 3))


if __name__ == "__main__":
    main()
