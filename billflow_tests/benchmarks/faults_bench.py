"""Damage done to a published lake, as often as asked and at places drawn by lot: what is found, mended, and raised for nothing.

python -m billflow_tests.benchmarks.faults_bench --project DIR [--times 20] [--seed 1]

`DIR` is a project on a local folder with at least one confirmed month. Each time a copy of its lake is damaged and looked at by
`billflow lake fsck` and `billflow verify`; `mended` is what `lake fsck --repair` has made sound again by itself, `told` what people
are told how to mend. Nothing is done to the project itself.
"""

import argparse
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

from billflow.errors import BillflowError
from billflow.lake.fsck import Finding, examine
from billflow.lake.manifest import read_manifest
from billflow.lake.publishing import remove
from billflow.lake.storage import LocalStorage, Storage
from billflow.lake.verifying import confirmed, ledger_problems, partition_problems
from billflow.settings import load_settings

Damage = Callable[[Path, Random], None]


def _files(lake: Path) -> list[Path]:
    """Parquet files of confirmed bills, which both checks look at."""
    storage = LocalStorage(lake)
    manifest = read_manifest(storage)
    partitions = [one for key in confirmed(manifest) if (one := manifest.at(key))]
    runs = [run for one in partitions for table in one.tables.values() for run in table if run.rows]
    return sorted(file for run in runs for file in (lake / run.path).glob("*.parquet"))


def _file_goes(lake: Path, lot: Random) -> None:
    lot.choice(_files(lake)).unlink()


def _file_is_cut(lake: Path, lot: Random) -> None:
    file = lot.choice(_files(lake))
    content = file.read_bytes()
    file.write_bytes(content[: lot.randrange(len(content))])


def _byte_changes(lake: Path, lot: Random) -> None:
    file = lot.choice(_files(lake))
    content = bytearray(file.read_bytes())
    content[lot.randrange(len(content))] ^= lot.randrange(1, 256)
    file.write_bytes(content)


def _rows_are_doubled(lake: Path, lot: Random) -> None:
    file = lot.choice(_files(lake))
    rows = pq.read_table(file)
    pq.write_table(pa.concat_tables([rows, rows]), file)


def _folder_goes(lake: Path, lot: Random) -> None:
    shutil.rmtree(lot.choice(_files(lake)).parent)


def _manifest_is_cut(lake: Path, lot: Random) -> None:
    file = max((lake / "_manifests").glob("*.json"))
    content = file.read_bytes()
    file.write_bytes(content[: lot.randrange(1, len(content))])


def _catalogue_goes(lake: Path, lot: Random) -> None:
    lot.choice(sorted((lake / "_catalogs").iterdir())).unlink()


def _folder_of_nobody(lake: Path, lot: Random) -> None:
    file = lot.choice(_files(lake))
    shutil.copytree(file.parent, file.parent.with_name(f"run=dead{lot.randrange(10**6)}"))


def _staging_of_a_dead_run(lake: Path, lot: Random) -> None:
    shutil.copytree(lot.choice(_files(lake)).parent, lake / "_staging" / f"dead{lot.randrange(10**6)}" / "invoices")


DAMAGES: dict[str, Damage] = {
    "nothing": lambda _lake, _lot: None,
    "a file is gone": _file_goes,
    "a file is cut": _file_is_cut,
    "a byte is another": _byte_changes,
    "rows are doubled": _rows_are_doubled,
    "a folder is gone": _folder_goes,
    "the newest manifest is cut": _manifest_is_cut,
    "a catalogue is gone": _catalogue_goes,
    "a folder of nobody": _folder_of_nobody,
    "staging of a dead run": _staging_of_a_dead_run,
}


@dataclass(frozen=True)
class Outcome:
    """Of one kind of damage: how often it was done, found, mended and told how to mend."""

    done: int
    found: int
    mended: int
    told: int


def problems(storage: Storage) -> list[Finding | str]:
    """What both checks find, as the two commands would."""
    findings: list[Finding | str] = list(examine(storage))
    try:
        manifest = read_manifest(storage)
        findings += ledger_problems(manifest)
        for key in confirmed(manifest):
            partition = manifest.at(key)
            findings += list(partition_problems(storage, key, partition)) if partition else []
    except BillflowError as error:
        findings.append(str(error))
    return findings


def outcome(lake: Path, damage: Damage, times: int, lot: Random) -> Outcome:
    """A kind of damage, done so many times to copies of a lake."""
    found = mended = told = 0
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "lake"
            shutil.copytree(lake, copy)
            damage(copy, lot)
            storage = LocalStorage(copy)
            seen = problems(storage)
            needless = [one.path for one in seen if isinstance(one, Finding) and one.needless]
            if needless:
                remove(storage, needless)
            left = problems(storage) if needless else seen
            found += bool(seen)
            mended += bool(seen) and not left
            told += bool(left)
    return Outcome(times, found, mended, told)


def measured(project: Path, times: int, seed: int) -> dict[str, Outcome]:
    """Each kind of damage to a project's lake."""
    lake = Path(load_settings(project).lake_root)
    return {name: outcome(lake, damage, times, Random(f"{seed} {name}")) for name, damage in DAMAGES.items()}


def print_table(outcomes: Mapping[str, Outcome], *, healed: str = "mended") -> None:
    """As Markdown."""
    print(f"| fault | times | found | {healed} | told |\n|---|---:|---:|---:|---:|")
    for name, one in outcomes.items():
        print(f"| {name} | {one.done} | {one.found} | {one.mended} | {one.told} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print_table(measured(arguments.project, arguments.times, arguments.seed))


if __name__ == "__main__":
    main()
