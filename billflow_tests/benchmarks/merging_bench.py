"""How well and how fast customers of several systems are matched: Febrl's data sets, whose duplicates are known.

python -m billflow_tests.benchmarks.merging_bench [--merge 0.99] [--ask 0.5] [--json FILE]

Data set 4 is of two systems, the others have duplicates within one. `without numbers` leaves soc_sec_id out: names,
addresses and birth dates only. The model's figures were checked on 1 to 3, never on 4. Merged are `strict_pairs`; what
else is probable enough is asked; of what is kept apart only the candidates that were compared are counted.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pandas as pd
from pyspark.sql import SparkSession

from billflow.lake.session import start_session
from billflow.sources.merging.matching import probable_pairs, strict_pairs
from billflow_tests.benchmarks.lake_bench import resident
from billflow_tests.sources.merging import febrl

CASES = {
    "Febrl 4": (("4a", "4b"), True),
    "Febrl 4 without numbers": (("4a", "4b"), False),
    "Febrl 1": (("1",), True),
    "Febrl 2": (("2",), True),
    "Febrl 3": (("3",), True),
    "Febrl 1 without numbers": (("1",), False),
    "Febrl 2 without numbers": (("2",), False),
    "Febrl 3 without numbers": (("3",), False),
}


def measure(
    spark: SparkSession, files: tuple[str, ...], *, numbers: bool, merge: float, ask: float
) -> dict[str, float]:
    records = febrl.read(*files)
    persons = febrl.persons(records)
    wanted = febrl.true_pairs(persons, within_systems=len(files) == 1)
    accounts = febrl.accounts(spark, records if numbers else records.assign(registration_number=None)).localCheckpoint()
    with _watched() as used:
        probable = probable_pairs(accounts, ask=0.0, within_systems=len(files) == 1).localCheckpoint()
        merged = _pairs(strict_pairs(probable, merge=merge).toPandas())
    pairs = probable.toPandas()
    asked = _pairs(pairs[pairs["probability"] >= ask])
    precision, recall = febrl.pairwise(merged, persons, wanted)
    found = febrl.pairwise(asked | merged, persons, wanted)[1]
    compared = febrl.pairwise(_pairs(pairs), persons, wanted)[1]
    cubed = febrl.b_cubed(merged, persons)
    bands = {"merge": len(merged), "ask": len(asked - merged), "keep apart": len(pairs) - len(asked | merged)}
    quality = {"precision": precision, "recall": recall, "B³ precision": cubed[0], "B³ recall": cubed[1]}
    return {
        "accounts": len(records),
        "true pairs": wanted,
        **quality,
        "recall of merge and ask": found,
        "recall of candidates": compared,
        **bands,
        **used,
    }


def _pairs(pairs: pd.DataFrame) -> set[febrl.Pair]:
    one = zip(pairs["system"], pairs["account_id"], strict=True)
    return set(zip(one, zip(pairs["other_system"], pairs["other_account_id"], strict=True), strict=True))


@contextmanager
def _watched() -> Iterator[dict[str, float]]:
    """Seconds, and the most memory of Python and Java together in MiB."""
    used: dict[str, float] = {}
    ended, peaks, started = Event(), [resident(os.getpid())], time.perf_counter()

    def watch() -> None:
        while not ended.wait(0.25):
            peaks.append(resident(os.getpid()))

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield used
    finally:
        ended.set()
        watcher.join()
        used.update({"seconds": time.perf_counter() - started, "peak MiB": max(peaks) / 2**20})


def session(folder: Path) -> SparkSession:
    return start_session("merging_bench", "local[2]", {"spark.driver.memory": "3g"}, folder)


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}" if value <= 1 else f"{value:,.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--merge", type=float, default=0.99)
    parser.add_argument("--ask", type=float, default=0.5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        spark = session(Path(folder))
        for name, (files, numbers) in CASES.items():
            measured[name] = measure(spark, files, numbers=numbers, merge=arguments.merge, ask=arguments.ask)
        spark.stop()
    print(f"merge from {arguments.merge}, ask from {arguments.ask}; the first case also warms Java up\n")
    print("| | " + " | ".join(measured) + " |\n|---|" + "---:|" * len(measured))
    for row in next(iter(measured.values())):
        print(f"| {row} | " + " | ".join(_shown(case[row]) for case in measured.values()) + " |")
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
