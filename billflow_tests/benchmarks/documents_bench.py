"""Time, size and pages of bills rendered one after the other in one process.

python -m billflow_tests.benchmarks.documents_bench [--invoices N]
"""

import argparse
import statistics
import time
from dataclasses import dataclass
from typing import Any

from billflow.documents.rendering import Renderer
from billflow.documents.templates import find_templates
from billflow_tests.documents.shapes import bill

SHAPES: dict[str, dict[str, Any]] = {
    "2 pages, 4 lines, 31 records": {"lines": 4, "records": 31},
    "5 pages, 400 records": {"subscriptions": 2, "lines": 6, "records": 200},
    "10 pages, 460 records": {"subscriptions": 10, "lines": 12, "records": 46},
    "10 pages, 1,200 records": {"subscriptions": 4, "lines": 8, "records": 300},
}
WARM_UP = 3


@dataclass(frozen=True)
class Measured:
    """Medians over the invoices of one shape."""

    milliseconds: float
    pdf_bytes: float
    pages: float


def measure(renderer: Renderer, shape: dict[str, Any], invoices: int) -> Measured:
    """Every invoice differs, so that no text is known to Typst's cache from the one before."""
    rows = []
    for seed in range(invoices + WARM_UP):
        payload = bill(**shape, seed=seed)
        started = time.perf_counter()
        rendered = renderer.render_pdf(payload)
        rows.append(((time.perf_counter() - started) * 1000, len(rendered.pdf), rendered.pages))
    return Measured(*(statistics.median(column) for column in zip(*rows[WARM_UP:], strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--invoices", type=int, default=100)
    invoices = parser.parse_args().invoices
    renderer = Renderer(find_templates(None))
    print(f"{'shape':32}{'ms':>8}{'bytes':>9}{'pages':>7}")
    for name, shape in SHAPES.items():
        found = measure(renderer, shape, invoices)
        print(f"{name:32}{found.milliseconds:8.1f}{found.pdf_bytes:9,.0f}{found.pages:7.0f}")


if __name__ == "__main__":
    main()
