"""Files that are cut, change while they are read, or come with other columns."""

import gzip
import shutil
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq

from billflow.orchestration.assets import ingestion
from billflow_tests.benchmarks.faults_bench import Outcome
from billflow_tests.benchmarks.raw_reading import ROWS, Fault, Reader, of_files, outcome


def _csv(rows: int = ROWS) -> bytes:
    lines = ["id,line,n,at", *(f"{at},l,1.5,2026-05-02 00:00:00" for at in range(rows))]
    return ("\n".join(lines) + "\n").encode()


def _filled(folder: Path, kind: str) -> Reader:
    """A project with two files of a kind."""
    reader = Reader(folder, of_files(f"in/*.{kind}", kind.removesuffix(".gz")))
    (folder / "in").mkdir()
    header, *rows = _csv().splitlines(keepends=True)
    for name, part in {"a": rows[: ROWS // 3], "b": rows[ROWS // 3 :]}.items():
        _write(folder / "in" / f"{name}.{kind}", header + b"".join(part))
    return reader


def _write(file: Path, content: bytes) -> None:
    if file.suffix == ".parquet":
        header, *rows = [line.split(",") for line in content.decode().splitlines()]
        columns = {name: [row[at] for row in rows] for at, name in enumerate(header)}
        pq.write_table(pa.table({**columns, "n": pa.array(map(Decimal, columns["n"]))}), file)
    else:
        file.write_bytes(gzip.compress(content) if file.suffix == ".gz" else content)


def _cut(reader: Reader, lot: Random) -> None:
    file = lot.choice(sorted((reader.folder / "in").iterdir()))
    content = file.read_bytes()
    file.write_bytes(content[: lot.randrange(1, len(content) - 1)])


def _while_read(change: Callable[[Path], None], after: Callable[[Path], None] | None = None) -> Fault:
    """Something is done to a file when the first attempt has looked at it, and after it was read."""

    def fault(reader: Reader, lot: Random) -> Callable[[], None]:
        file, real, done = lot.choice(sorted((reader.folder / "in").iterdir())), ingestion.deliver, []

        def deliver(*arguments: Any) -> dict[str, int]:
            if done:
                return real(*arguments)
            done.append(file)
            change(file)
            try:
                return real(*arguments)
            finally:
                if after:
                    after(file)

        patched = patch.object(ingestion, "deliver", deliver)
        patched.start()
        return patched.stop

    return fault


def _is_delivered_again(file: Path) -> None:
    """As a whole, by a rename."""
    beside = file.with_name(f".{file.name}")
    shutil.copyfile(file, beside)
    beside.rename(file)


class _Upload:
    """A file that arrives slowly: half of it is there while it is read."""

    def begin(self, file: Path) -> None:
        self.whole = file.read_bytes()
        file.write_bytes(self.whole[: len(self.whole) // 2])

    def end(self, file: Path) -> None:
        file.write_bytes(self.whole)


def _without_a_column(reader: Reader, _: Random) -> None:
    reader.read()
    reader.publish_columns()
    for file in (reader.folder / "in").iterdir():
        _write(file, _csv(50).replace(b"id,line,n,at", b"id,line,amount,at"))


def _with_another_type(reader: Reader, _: Random) -> None:
    reader.read()
    reader.publish_columns()
    for file in (reader.folder / "in").iterdir():
        rows = pq.read_table(file)
        pq.write_table(rows.set_column(rows.schema.get_field_index("n"), "n", rows["n"].cast(pa.string())), file)


def file_outcomes(folder: Path, times: int, seed: int) -> dict[str, Outcome]:
    upload = _Upload()
    faults: dict[str, tuple[str, Fault]] = {
        "nothing (csv)": ("csv", lambda _reader, _lot: None),
        "nothing (parquet)": ("parquet", lambda _reader, _lot: None),
        "a Parquet file is cut": ("parquet", _cut),
        "a gzip file is cut": ("csv.gz", _cut),
        "a file is written while it is read": ("csv.gz", _while_read(upload.begin, upload.end)),
        "a file is replaced while it is read": ("csv", _while_read(_is_delivered_again)),
        "a column is gone": ("csv", _without_a_column),
        "a column has another type": ("parquet", _with_another_type),
    }
    numbers = iter(range(10**6))

    def filled(kind: str) -> Reader:
        return _filled(folder / f"f{next(numbers)}", kind)

    return {name: outcome(name, partial(filled, kind), fault, times, seed) for name, (kind, fault) in faults.items()}
