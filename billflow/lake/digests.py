"""SHA-256 over the files that make up tables, read in pieces and without Spark; and over billflow itself."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import billflow
from billflow.lake.manifest import TableRun
from billflow.lake.storage import Storage

_AT_ONCE = 8
"""Files of one table that are read at the same time: a cluster answers slowly, but many at once."""


def table_digests(storage: Storage, tables: Mapping[str, Sequence[TableRun]]) -> dict[str, str]:
    """Table → hash over the names and contents of its Parquet files, wherever their folders are."""
    return {table: _digest(storage, runs) for table, runs in sorted(tables.items())}


def text_digest(*texts: str) -> str:
    """SHA-256 of texts one after the other; the caller sees to it that they cannot be split in two ways."""
    return hashlib.sha256("".join(texts).encode()).hexdigest()


@cache
def code_version() -> str:
    """Which billflow this is, such as `0.1.0+3f2a9c01d4e5`: its version, and a hash over its Python files."""
    package = Path(billflow.__file__).parent
    files = sorted(path.relative_to(package).as_posix() for path in package.rglob("*.py"))
    hashes = (f"{name} {hashlib.sha256((package / name).read_bytes()).hexdigest()}\n" for name in files)
    return f"{billflow.__version__}+{text_digest(*hashes)[:12]}"


def _digest(storage: Storage, runs: Iterable[TableRun]) -> str:
    """A line a file: which of the table's folders it is in, its name, its hash. Renaming a folder changes none."""
    names = [
        (f"{at}/{name}", f"{run.path}/{name}")
        for at, run in enumerate(runs)
        for name in storage.list(run.path)
        if name.endswith(".parquet")
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        hashes = pool.map(lambda path: _file_digest(storage, path), [path for _, path in names])
        return text_digest(*(f"{name} {found}\n" for (name, _), found in zip(names, hashes, strict=True)))


def _file_digest(storage: Storage, path: str) -> str:
    with _opened(storage, storage.file(path)) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _opened(storage: Storage, file: str) -> Any:
    return storage.filesystem.open(file, "rb") if storage.filesystem is not None else open(file, "rb")  # noqa: PTH123
