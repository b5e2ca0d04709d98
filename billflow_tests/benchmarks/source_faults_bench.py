"""Faults of sources, as often as asked: what is found, healed without anybody, told with its remedy, and raised for nothing.

python -m billflow_tests.benchmarks.source_faults_bench [--times 5] [--seed 1]

A PostgreSQL of the bench's own is read through a relay that cuts and stalls connections, and files are damaged. The asset
`raw` runs as in a bill run, with Dagster's retries. Bad rows are injected all at once into one ingestion, and mended for
the next. `found` counts only what went as it must: the right rows at the end, or the right rule, or an error with a remedy.
"""

import argparse
import json
import tempfile
from pathlib import Path

from billflow_tests.benchmarks.bad_rows import bad_rows
from billflow_tests.benchmarks.faults_bench import Outcome, print_table
from billflow_tests.benchmarks.file_faults import file_outcomes
from billflow_tests.benchmarks.server_faults import server_outcomes


def measured(folder: Path, times: int, seed: int) -> dict[str, Outcome]:
    """Every kind of fault, so many times."""
    outcomes = server_outcomes(folder, times, seed)
    outcomes |= file_outcomes(folder, times, seed)
    return outcomes | bad_rows(folder / "rows", times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcomes = measured(Path(folder), arguments.times, arguments.seed)
    print_table(outcomes, healed="healed")
    if arguments.json:
        arguments.json.write_text(json.dumps({name: vars(one) for name, one in outcomes.items()}, indent=1))


if __name__ == "__main__":
    main()
