"""Memory of one process that makes many documents, on the way.

python -m billflow_tests.benchmarks.memory_bench [--renders N]
"""

import argparse

from billflow.bench.bills import bill
from billflow.bench.documents import ours
from billflow.bench.machine import peak_mebibytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--renders", type=int, default=20_000)
    renders, make = parser.parse_args().renders, ours()
    for number in range(renders):
        make(bill(subscriptions=2, lines=6, records=50, seed=number))
        if number % (renders // 10) == 0:
            print(f"{number:8,} documents {peak_mebibytes():8.0f} MiB")


if __name__ == "__main__":
    main()
