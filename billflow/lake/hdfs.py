"""A lake on HDFS. Spark speaks hdfs:// by itself; what is here asks over WebHDFS: small files, lists, ranged reads."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import requests
from fsspec import AbstractFileSystem
from fsspec.spec import AbstractBufferedFile
from hdfs import HdfsError
from urllib3.exceptions import HTTPError

from billflow.errors import MachineError, PassingError
from billflow.lake.hadoop import refusal
from billflow.lake.name_nodes import modes, name_nodes
from billflow.lake.webhdfs import WebHdfs, login_of, reason_of, tried
from billflow.settings import HdfsSettings

_OPEN = HdfsSettings()

_BLOCK = 1 << 20
"""Bytes that a reader fetches at least; a footer of Parquet and a row group of documents mostly fit."""


class HdfsStorage:
    """A folder of HDFS, of `hdfs://namenode:8020/folder`; see `billflow.lake.storage.Storage`.

    `secured`: whom Kerberos knows, and whose certificates count. MachineError, at the first request, when one does not.
    """

    def __init__(self, root: str, webhdfs: str | None = None, secured: HdfsSettings = _OPEN) -> None:
        self.root = root.rstrip("/")
        self._folder = urlsplit(self.root).path or "/"
        self.web = name_nodes(self.root, webhdfs)
        self._file_mode, self._folder_mode = modes()
        self.login = login_of(self.root, secured)
        self._client = WebHdfs(self.web, self._folder, self.login, secured.ca)
        self.files = WebHdfsFiles(self._client)
        self.filesystem: AbstractFileSystem | None = self.files

    def uri(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root

    file = uri

    def read(self, path: str) -> bytes:
        with _told(self.uri(path)):
            return self._client.fetched(path)

    def write(self, path: str, content: bytes) -> None:
        with _told(self.uri(path)):
            self._client.move(self._written_beside(path, content), path, overwrite=True)

    def create(self, path: str, content: bytes) -> None:
        written = self._written_beside(path, content)
        with _told(self.uri(path)):
            try:
                self._client.move(written, path)
            finally:
                self._client.delete(written)

    def _written_beside(self, path: str, content: bytes) -> str:
        """HDFS shows a file while it is written: only a rename makes it appear as a whole."""
        folder, _, name = path.rpartition("/")
        beside = f"{folder or '.'}/.{name}.{uuid4().hex}"
        with _told(self.uri(path)):
            tried(lambda: self._client.write(beside, content, overwrite=True, permission=self._file_mode))
        return beside

    def exists(self, path: str) -> bool:
        try:
            with _told(self.uri(path)):
                self._client.status(path or ".")
        except FileNotFoundError:
            return False
        return True

    def list(self, path: str) -> list[str]:
        try:
            with _told(self.uri(path)):
                return sorted(self._client.entries(path or "."))
        except FileNotFoundError:
            return []

    def rename(self, source: str, target: str) -> None:
        with _told(self.uri(target)):
            self._client.makedirs(target.rpartition("/")[0] or ".", permission=self._folder_mode)
            self._client.move(source, target)

    def delete(self, path: str) -> None:
        with _told(self.uri(path)):
            self._client.delete(path, recursive=True)


class WebHdfsFiles(AbstractFileSystem):
    """HDFS, read only, as DuckDB and PyArrow open it: paths are whole hdfs:// URIs, reads are ranges."""

    protocol = "hdfs"
    cachable = False

    def __init__(self, client: WebHdfs) -> None:
        super().__init__()
        self.client = client

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return urlsplit(path).path if "://" in path else path

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name, size in bytes and type of a file or folder; FileNotFoundError when there is none."""
        with _told(path):
            return _described(self._strip_protocol(path), self.client.status(self._strip_protocol(path)))

    def modified(self, path: str) -> datetime:
        """When a file was written; DuckDB asks."""
        with _told(path):
            status = self.client.status(self._strip_protocol(path))
        return datetime.fromtimestamp(status["modificationTime"] / 1000, UTC)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """What is in a folder."""
        folder = self._strip_protocol(path).rstrip("/")
        with _told(path):
            found = [_described(f"{folder}/{name}", one) for name, one in self.client.entries(folder or "/").items()]
        return found if detail else [one["name"] for one in found]

    def _open(self, path: str, mode: str = "rb", **_: Any) -> "_RangedFile":
        return _RangedFile(self, path, mode, block_size=_BLOCK)


class _RangedFile(AbstractBufferedFile):
    """A file of which only the ranges that are read travel."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        client: WebHdfs = self.fs.client
        with _told(self.path):
            fetched = client.fetched(self.path, start, end - start)
        if len(fetched) != end - start:
            raise PassingError(
                f"{len(fetched)} bytes came instead of {end - start}",
                where=f"{self.path}, bytes {start} to {end}",
                remedy="try again; `hdfs fsck` tells whether blocks are missing",
            )
        return fetched


def _described(path: str, status: Mapping[str, Any]) -> dict[str, Any]:
    kind = "directory" if status["type"] == "DIRECTORY" else "file"
    return {"name": path, "size": status["length"], "type": kind}


@contextmanager
def _told(place: str) -> Iterator[None]:
    """FileNotFoundError, FileExistsError, or a MachineError that says what HDFS refuses."""
    try:
        yield
    except HdfsError as error:
        raise _translated(error, place) from error
    except requests.exceptions.SSLError as error:
        raise MachineError(
            f"its certificate is not trusted: {reason_of(error)}",
            where=place,
            remedy="name the certificate of who signed it in billflow.yaml (hdfs: {ca: file.pem}), and the host in "
            "`webhdfs` as the certificate has it",
        ) from error
    except (requests.RequestException, HTTPError) as error:
        raise PassingError(
            f"WebHDFS does not answer: {reason_of(error)}",
            where=place,
            remedy="start the NameNode and its DataNodes, or name the right address in billflow.yaml (webhdfs)",
        ) from error


def _translated(error: HdfsError, place: str) -> Exception:
    if error.exception == "FileNotFoundException":
        return FileNotFoundError(place)
    text = f"{error.exception}: {error}"
    # The second: a folder's rename onto a file, for which HDFS has no exception of its own.
    if error.exception == "FileAlreadyExistsException" or "must both be directories" in text:
        return FileExistsError(place)
    return refusal(text, place) or MachineError(f"HDFS refused: {text}", where=place, remedy="see the NameNode's log")
