"""Files of the lake as the control plane sees them: small files, listing, and renames that never overwrite."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Protocol

from fsspec import AbstractFileSystem

from billflow.errors import MachineError, SettingsError
from billflow.lake.hdfs import HdfsStorage
from billflow.settings import HdfsSettings, Settings

_PATTERN = "[]{}*?"


class Storage(Protocol):
    """What a lake needs of a file system. Paths are relative to the lake's root, with `/` between names."""

    filesystem: AbstractFileSystem | None
    """What DuckDB and PyArrow need to open `file`; None for files of this machine."""

    def uri(self, path: str) -> str:
        """The place as Spark writes it."""

    def file(self, path: str) -> str:
        """The place as DuckDB and PyArrow write it."""

    def read(self, path: str) -> bytes:
        """The whole file; FileNotFoundError when there is none."""

    def write(self, path: str, content: bytes) -> None:
        """Replaces the file as a whole; its folder is made when needed."""

    def create(self, path: str, content: bytes) -> None:
        """Writes a file that must not exist: FileExistsError else. Readers see all of it or nothing."""

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""

    def list(self, path: str) -> list[str]:
        """Names in a folder in order; empty when there is no such folder."""

    def rename(self, source: str, target: str) -> None:
        """Moves a folder to a place that must not exist: FileExistsError else."""

    def delete(self, path: str) -> None:
        """Removes a file or a folder with all in it; no error when it is gone already."""


class LocalStorage:
    """A folder of this machine."""

    filesystem: AbstractFileSystem | None = None

    def __init__(self, root: str) -> None:
        self.root = Path(root)

    def _at(self, path: str) -> Path:
        return self.root / path

    def uri(self, path: str) -> str:
        # With its scheme, for Spark may have another file system as its default one.
        return f"file://{self._at(path).absolute()}"

    def file(self, path: str) -> str:
        return str(self._at(path))

    def read(self, path: str) -> bytes:
        return self._at(path).read_bytes()

    def write(self, path: str, content: bytes) -> None:
        written = self._written_beside(path, content)
        written.replace(self._at(path))

    def create(self, path: str, content: bytes) -> None:
        written = self._written_beside(path, content)
        try:
            os.link(written, self._at(path))  # fails when the target exists, unlike a rename
        finally:
            written.unlink()

    def _written_beside(self, path: str, content: bytes) -> Path:
        target = self._at(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise MachineError(
                f"the lake cannot be written: {error.strerror}",
                where=str(target),
                remedy="free space or grant access",
            ) from error
        return Path(file.name)

    def exists(self, path: str) -> bool:
        return self._at(path).exists()

    def list(self, path: str) -> list[str]:
        folder = self._at(path)
        return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []

    def rename(self, source: str, target: str) -> None:
        destination = self._at(target)
        destination.parent.mkdir(parents=True, exist_ok=True)
        if destination.exists():
            raise FileExistsError(str(destination))
        self._at(source).rename(destination)

    def delete(self, path: str) -> None:
        place = self._at(path)
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)


def open_lake(settings: Settings) -> Storage:
    """The storage behind `lake:` of billflow.yaml. SettingsError when it cannot be a lake."""
    return open_storage(settings.lake_root, settings.webhdfs, settings.secured)


def open_storage(root: str, webhdfs: str | None = None, secured: HdfsSettings | None = None) -> Storage:
    """The storage of a folder, a file:// or an hdfs:// URI. SettingsError when it cannot be a lake.

    `webhdfs`: where HDFS is asked over HTTP; see `billflow.lake.name_nodes`. `secured`: who asks, and whom it trusts.
    """
    scheme, separator, rest = root.partition("://")
    if separator and scheme not in ("file", "hdfs"):
        raise SettingsError(
            f"a lake on {scheme}:// is not supported",
            where="billflow.yaml: lake",
            remedy="name a folder, file:///… or hdfs://namenode:8020/…",
        )
    folder = rest if separator else root
    if found := set(folder) & set(_PATTERN):
        raise SettingsError(
            f"the lake's folder {folder} has {' '.join(sorted(found))} in its name, which Spark and DuckDB read as a "
            "pattern for many folders",
            where="billflow.yaml: lake",
            remedy="name a folder without such characters; the project itself may stay where it is",
        )
    return (
        HdfsStorage(root, webhdfs, secured or HdfsSettings())
        if scheme == "hdfs" and separator
        else LocalStorage(folder)
    )
