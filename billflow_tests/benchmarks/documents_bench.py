"""Time, size and pages of bills, one after the other in one process; beside the same content made by others.

python -m billflow_tests.benchmarks.documents_bench [--invoices N] [--rivals] [--renders N]

Rivals need the extra `bench`. `--renders N` makes N documents in one process and shows its memory on the way.
"""

import argparse
import resource
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from billflow.documents.rendering import Renderer, page_count
from billflow.documents.templates import find_templates
from billflow.settings import Documents
from billflow_tests.documents.shapes import bill

SHAPES: dict[str, dict[str, Any]] = {
    "2 pages, 4 lines, 31 records": {"lines": 4, "records": 31},
    "5 pages, 400 records": {"subscriptions": 2, "lines": 6, "records": 200},
    "10 pages, 400 records": {"subscriptions": 10, "lines": 12, "records": 40},
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--invoices", type=int, default=100)
    parser.add_argument("--rivals", action="store_true")
    parser.add_argument("--renders", type=int)
    options = parser.parse_args()
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
