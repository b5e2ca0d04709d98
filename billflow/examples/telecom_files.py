"""The telecom example's files: calls as Parquet, texts as zipped CSV, data as zipped lines of JSON."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

NUMBERS = ("amount",)  # the fields of JSON that stand without quotes
ROWS_AT_ONCE = 100_000


class RowsFile:
    """A CSV that is written table by table: texts in quotes, as RFC 4180 has it, and null as nothing."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.rows = 0

    def write(self, table: Any) -> None:
        """Append the rows; the first table brings the header."""
        options = pa.csv.WriteOptions(include_header=False, quoting_style="needed")
        if not self.rows:
            self._file.write((",".join(table.column_names) + "\n").encode())
        pa.csv.write_csv(table, self._file, options)
        self.rows += len(table)


@contextmanager
def rows_file(path: Path) -> Iterator[RowsFile]:
    """A CSV file to write tables to."""
    with path.open("wb") as file:
        yield RowsFile(file)


class UsageFiles:
    """The three files of one part: voice-0001.parquet, text-0001.csv.gz, data-0001.json.gz."""

    def __init__(self, folder: Path, part: int) -> None:
        folder.mkdir(exist_ok=True)
        self._folder, self._number = folder, f"{part + 1:04}"

    def write(self, usage: dict[str, Any]) -> None:
        """Write the tables `voice`, `text` and `data`."""
        pq.write_table(usage["voice"], self._folder / f"voice-{self._number}.parquet")
        with _zipped(self._folder / f"text-{self._number}.csv.gz") as file:
            RowsFile(file).write(usage["text"])
        with _zipped(self._folder / f"data-{self._number}.json.gz") as file:
            for rows in usage["data"].to_batches(max_chunksize=ROWS_AT_ONCE):
                file.write(_json_lines(rows))


@contextmanager
def _zipped(path: Path) -> Iterator[IO[bytes]]:
    """A gzip file without a time of its own inside, so that the same rows give the same bytes."""
    with (
        path.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=3, mtime=0) as zipped,
    ):
        yield zipped  # type: ignore[misc]


def _json_lines(rows: Any) -> bytes:
    """One object a line. No text of this example needs escaping."""
    parts: list[Any] = []
    for name in rows.schema.names:
        opening = "," if parts else "{"
        quote = "" if name in NUMBERS else '"'
        parts += [f'{opening}"{name}":{quote}', rows[name], quote]
    lines = pc.binary_join_element_wise(*parts, "}\n", "")
    return "".join(lines.to_pylist()).encode()
