"""Files of the lake as the control plane sees them: small files, listing, and renames that never overwrite."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Protocol

from billflow.errors import MachineError, SettingsError

_PATTERN = "[]{}*?"


class Storage(Protocol):
    """What a lake needs of a file system. Paths are relative to the lake's root, with `/` between names."""

    def uri(self, path: str) -> str:
        """The place as Spark and DuckDB write it."""

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

    def __init__(self, root: str) -> None:
        self.root = Path(root)

    def _at(self, path: str) -> Path:
        return self.root / path

    def uri(self, path: str) -> str:
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


def open_storage(root: str) -> Storage:
    """The storage behind `lake:` of billflow.yaml: a folder or file:// URI. SettingsError when it cannot be a lake."""
    scheme, separator, rest = root.partition("://")
    if separator and scheme != "file":
        raise SettingsError(
            f"a lake on {scheme}:// is not supported by this version",
            where="billflow.yaml: lake",
            remedy="name a folder or file:///…",
        )
    folder = rest if separator else root
    if found := set(folder) & set(_PATTERN):
        raise SettingsError(
            f"the lake's folder {folder} has {' '.join(sorted(found))} in its name, which Spark and DuckDB read as a "
            "pattern for many folders",
            where="billflow.yaml: lake",
            remedy="name a folder without such characters; the project itself may stay where it is",
        )
    return LocalStorage(folder)
