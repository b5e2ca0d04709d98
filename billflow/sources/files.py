"""Sources of kind `files`: which files there are, what state they are in, and their rows as delivered."""

import csv
import glob
import gzip
import io
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from billflow.errors import SettingsError
from billflow.lake.local_rows import local_rows
from billflow.settings import Settings
from billflow.source_mappings import FileMapping
from billflow.source_settings import FileSource
from billflow.sources.increments import Known, Opened, kept_files
from billflow.sources.json_rows import json_rows
from billflow.sources.raw import CORRUPT, FILE, ROW

_BLOCK = 1 << 20


@dataclass(frozen=True)
class FileDelivery:
    """One set of files that a source delivers. Several mappings may read it; it is copied to the lake once."""

    source: str
    path: str
    format: str
    where: str
    """Place in billflow.yaml, for errors."""

    @property
    def name(self) -> str:
        """Folder of its raw table."""
        return f"{self.source}-{zlib.crc32(f'{self.path} {self.format}'.encode()):08x}"

    @property
    def size(self) -> int:
        """Bytes that the rows take as text, or would take: in Parquet and compressed, usage has a tenth of it."""
        return sum(file.stat().st_size * (10 if self._is_packed(file) else 1) for file in self.files())

    def _is_packed(self, file: Path) -> bool:
        return self.format == "parquet" or file.suffix == ".gz"

    def files(self) -> list[Path]:
        """The files behind the path or glob; SettingsError when there are none."""
        place = Path(self.path)
        pattern = f"{self.path}/**/*" if place.is_dir() else self.path
        found = sorted(Path(name) for name in glob.glob(pattern, recursive=True))  # noqa: PTH207  # absolute patterns
        files = [file for file in found if file.is_file() and not file.name.startswith((".", "_"))]
        if not files:
            raise SettingsError(
                f"no file is there: {self.path}",
                where=self.where,
                remedy="put the file there or mend `path`",
            )
        return files

    def check(self) -> None:
        """SettingsError when the files are not there."""
        self.files()

    def sample(self) -> str:
        """How many files there are."""
        files = self.files()
        return f"{files[0]}" + (f" and {len(files) - 1:,} more" if len(files) > 1 else "")

    def state(self) -> list[Any]:
        """Name, bytes, time modified and time changed of each file: the same state means the same rows."""
        return [[str(file), *state_of(file)] for file in self.files()]

    @contextmanager
    def opened(self, spark: SparkSession, known: Known | None = None) -> Iterator[Opened]:
        """Rows as delivered, every csv field a string and every json number exact, with ROW, FILE and CORRUPT added.

        Those of files that are new, or have changed since they are `known`.
        """
        states = {str(file): " ".join(map(str, state_of(file))) for file in self.files()}
        segments = kept_files(known.delivered.segments, states) if known else ()
        old = {file for one in segments for file in one.files}
        new = {file: state for file, state in states.items() if file not in old}
        rows = self._rows(spark, [Path(file) for file in new], known)
        yield Opened(rows, segments, files=new)

    def _rows(self, spark: SparkSession, files: Sequence[Path], known: Known | None) -> DataFrame:
        if known and not files:
            return local_rows(spark, [], known.schema)
        try:
            rows = _READERS[self.format](spark, files, known.delivered_columns if known else None)
        except (
            PySparkException,
            Py4JError,
            OSError,
            EOFError,
            csv.Error,
            UnicodeDecodeError,
            pa.ArrowInvalid,
        ) as error:
            raise _unreadable(self, files, error) from error
        encoded = F.element_at(F.split(F.input_file_name(), "/"), -1)
        plain = rows.withColumn(FILE, F.url_decode(F.replace(encoded, F.lit("+"), F.lit("%2B"))))
        return plain.withColumn(ROW, F.monotonically_increasing_id())

    @contextmanager
    def readable(self) -> Iterator[None]:
        """SettingsError when a file turns out to be damaged while its rows are read."""
        try:
            yield
        except (PySparkException, Py4JError) as error:
            text = str(error)
            if not any(sign in text for sign in _DAMAGE):
                raise
            what = next((line for line in text.splitlines() if any(sign in line for sign in _DAMAGE)), text)
            raise SettingsError(
                f"a file of {self.path} is damaged: {what.strip()[:300]}",
                where=self.where,
                remedy="deliver the file again",
            ) from error


def state_of(file: Path) -> tuple[int, ...]:
    """Bytes, time modified and time changed; nothing of a file that is gone."""
    try:
        stat = file.stat()
    except FileNotFoundError:
        return ()
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def file_delivery(settings: Settings, source: FileSource, mapping: FileMapping, place: str) -> FileDelivery:
    """The files that a mapping reads. `place` is the source's in billflow.yaml."""
    path = mapping.path.removeprefix("file://")
    return FileDelivery(
        source.name,
        path if Path(path).is_absolute() else str(Path(glob.escape(str(settings.folder))) / path),
        mapping.format or source.format or "",
        place,
    )


def _unreadable(delivery: FileDelivery, files: Sequence[Path], error: Exception) -> SettingsError:
    first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
    return SettingsError(
        f"cannot be read as {delivery.format}: {first_line}",
        where=f"{delivery.where}: {files[0]}" + (f" and {len(files) - 1} more" if len(files) > 1 else ""),
        remedy="mend the file or the source's `format`",
    )


def _read_csv(spark: SparkSession, files: Sequence[Path], _: StructType | None) -> DataFrame:
    """Files are grouped by their header, so that a new or moved column never shifts another one's values."""
    by_header: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for file in files:
        _check_quotes(file)
        by_header[_header(file)].append(str(file))
    parts = [_read_csv_alike(spark, header, alike) for header, alike in by_header.items()]
    return _united(parts)


def _header(file: Path) -> tuple[str, ...]:
    with _opened(file) as lines:
        header = tuple(next(csv.reader(lines), ()))
    if not header or len(set(header)) != len(header):
        raise csv.Error(f"{file}: the first line must name each column once, it is {header}")
    return header


def _check_quotes(file: Path) -> None:
    """csv.Error when a quote is never closed: every row after it would be taken for a part of its field."""
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as content:
        quotes = sum(block.count(b'"') for block in iter(partial(content.read, _BLOCK), b""))
    if quotes % 2 and (line := _never_closed(file)):
        raise csv.Error(f"{file}, line {line}: a quote is opened in this row and never closed")


def _never_closed(file: Path) -> int | None:
    """Number of the first line of the last row, when a row added to it would be a part of it."""
    taken: list[str] = []

    def kept(lines: TextIO) -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    begin, following, row = 1, 1, ["\n"]
    with _opened(file) as lines:
        try:
            for _ in csv.reader(kept(lines)):
                begin, following, row = following, following + len(taken), taken.copy()
                taken.clear()
        except csv.Error:  # a field longer than any is
            return following
    return begin if len(list(csv.reader([*row, "x"]))) == 1 else None


def _opened(file: Path) -> TextIO:
    if file.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(file), encoding="utf-8-sig", newline="")
    return file.open(encoding="utf-8-sig", newline="")


def _read_csv_alike(spark: SparkSession, header: tuple[str, ...], files: list[str]) -> DataFrame:
    schema = StructType([StructField(name, StringType()) for name in (*header, CORRUPT)])
    reader = spark.read.schema(schema).options(
        header=True,
        multiLine=True,
        quote='"',
        escape='"',
        columnNameOfCorruptRecord=CORRUPT,
        encoding="UTF-8",
    )
    rows = reader.csv([_escaped(Path(file)) for file in files])
    fields = [_null_if_empty(F.col(f"`{name.replace('`', '``')}`")).alias(name) for name in header]
    return rows.select(*fields, CORRUPT)


def _null_if_empty(field: Column) -> Column:
    return F.when(field != "", field)


def _read_json(spark: SparkSession, files: Sequence[Path], known: StructType | None) -> DataFrame:
    return json_rows(spark, [_escaped(file) for file in files], known)


def _escaped(file: Path) -> str:
    """A file's name as Spark takes it, which would read brackets as a pattern."""
    return "file://" + re.sub(r"([\[\]{}*?\\])", r"\\\1", str(file))


_DAMAGE = (
    "EOFException",
    "ZipException",
    "CANNOT_READ_FILE",
    "FAILED_READ_FILE",
    "CANNOT_MERGE",
    "not a Parquet",
    "corrupt",
)


def _read_parquet(spark: SparkSession, files: Sequence[Path], _: StructType | None) -> DataFrame:
    for file in files:
        pq.read_schema(file)  # a file cut short is named here and not by a task in the middle of the run
    rows = spark.read.option("mergeSchema", len(files) > 1).parquet(*[_escaped(file) for file in files])
    instants = {name: kind for file in files for name, kind in _nanosecond_columns(file).items()}
    return rows.withColumns({**_as_times(instants), CORRUPT: F.lit(None).cast("string")})


def _nanosecond_columns(file: Path) -> dict[str, str]:
    """Timestamps in nanoseconds (as pandas writes them), which Spark reads as whole numbers: name → Spark's type."""
    fields = [field for field in pq.read_schema(file) if pa.types.is_timestamp(field.type) and field.type.unit == "ns"]
    return {field.name: "timestamp" if field.type.tz else "timestamp_ntz" for field in fields}


def _as_times(nanoseconds: Mapping[str, str]) -> dict[str, Column]:
    return {name: F.timestamp_micros(F.expr(f"`{name}` div 1000")).cast(kind) for name, kind in nanoseconds.items()}


def _united(parts: Sequence[DataFrame]) -> DataFrame:
    first, *others = parts
    for other in others:
        first = first.unionByName(other, allowMissingColumns=True)
    return first


_READERS = {"csv": _read_csv, "json": _read_json, "parquet": _read_parquet}
