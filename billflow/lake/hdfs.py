"""A lake on HDFS. Spark speaks hdfs:// by itself; what is here asks over WebHDFS: small files, lists, ranged reads."""

import getpass
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4
from xml.etree import ElementTree as ET

import requests
from fsspec import AbstractFileSystem
from fsspec.spec import AbstractBufferedFile
from hdfs import HdfsError, InsecureClient
from requests.adapters import HTTPAdapter
from urllib3 import Retry
from urllib3.exceptions import HTTPError

from billflow.errors import MachineError, PassingError
from billflow.lake.hadoop import refusal

WEB_PORT = 9870
_PATIENCE = (10, 60)
"""Seconds to wait for a connection, and for an answer."""

_TRIES = 6
"""A NameNode sends us to a DataNode by chance, for a while also to one that has just died."""

_BLOCK = 1 << 20
"""Bytes that a reader fetches at least; a footer of Parquet and a row group of documents mostly fit."""


class HdfsStorage:
    """A folder of HDFS, of `hdfs://namenode:8020/folder`; see `billflow.lake.storage.Storage`."""

    def __init__(self, root: str, webhdfs: str | None = None) -> None:
        self.root = root.rstrip("/")
        self._folder = urlsplit(self.root).path or "/"
        self.web = name_nodes(self.root, webhdfs)
        self._client = _Client(self.web, user_name(), self._folder)
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
            _tried(lambda: self._client.write(beside, content, overwrite=True))
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
            self._client.makedirs(target.rpartition("/")[0] or ".")
            self._client.move(source, target)

    def delete(self, path: str) -> None:
        with _told(self.uri(path)):
            self._client.delete(path, recursive=True)


class _Client(InsecureClient):
    """The `hdfs` package's client, with two operations as the lake needs them."""

    def __init__(self, urls: str, user: str, root: str) -> None:
        session = requests.Session()
        # Only connections that were never made are tried again: what was sent may have been done.
        retries = HTTPAdapter(max_retries=Retry(connect=2, read=False, redirect=None, status=0, backoff_factor=0.5))
        session.mount("http://", retries)
        session.mount("https://", retries)
        super().__init__(urls, user=user, root=root, timeout=_PATIENCE, session=session)

    def move(self, source: str, target: str, *, overwrite: bool = False) -> None:
        """A rename that fails when the target exists. The package's own would move a folder into an existing one."""
        options = "OVERWRITE" if overwrite else "NONE"
        self._rename(source, destination=self.resolve(target), renameoptions=options)

    def fetched(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        """A range of a file, or all of it."""

        def fetch() -> bytes:
            with self.read(path, offset=offset, length=length) as content:
                return bytes(content.read())

        return _tried(fetch)

    def entries(self, path: str) -> dict[str, Mapping[str, Any]]:
        """Name → status of what is in a folder; nothing for a file."""
        found = self._list_status(path).json()["FileStatuses"]["FileStatus"]
        return {one["pathSuffix"]: one for one in found if one["pathSuffix"]}


class WebHdfsFiles(AbstractFileSystem):
    """HDFS, read only, as DuckDB and PyArrow open it: paths are whole hdfs:// URIs, reads are ranges."""

    protocol = "hdfs"
    cachable = False

    def __init__(self, client: _Client) -> None:
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
        client: _Client = self.fs.client
        with _told(self.path):
            fetched = client.fetched(self.path, start, end - start)
        if len(fetched) != end - start:
            raise PassingError(
                f"{len(fetched)} bytes came instead of {end - start}",
                where=f"{self.path}, bytes {start} to {end}",
                remedy="try again; `hdfs fsck` tells whether blocks are missing",
            )
        return fetched


_T = TypeVar("_T")


def _tried(transfer: Callable[[], _T]) -> _T:
    """The result of a transfer that may be repeated, tried again while the server that it was sent to is not there."""
    for attempt in range(_TRIES - 1):
        try:
            return transfer()
        except requests.ConnectionError:
            time.sleep(0.1 * 2**attempt)
    return transfer()


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
    except (requests.RequestException, HTTPError) as error:
        raise PassingError(
            f"WebHDFS does not answer: {_reason(error)}",
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


def _reason(error: Exception) -> str:
    """The last of the reasons that HTTP libraries wrap in one another, without their objects' addresses."""
    while isinstance(cause := error.__cause__ or error.__context__, Exception):
        error = cause
    return re.sub(r"<[^>]*>:? ?", "", str(error)) or type(error).__name__


def user_name() -> str:
    """Who we are on HDFS, as Hadoop's own client decides it."""
    return os.environ.get("HADOOP_USER_NAME") or getpass.getuser()


def name_nodes(root: str, webhdfs: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """WebHDFS addresses of the NameNodes behind an hdfs:// URI, as the `hdfs` package takes them (with semicolons).

    Those that billflow.yaml names; else those of $HADOOP_CONF_DIR/hdfs-site.xml, for a name service of several
    NameNodes too; else port 9870 of the URI's host.
    """
    if webhdfs:
        return ";".join(_with_scheme(one.strip()) for one in webhdfs.split(","))
    host = urlsplit(root).hostname or ""
    configured = _configured(Path(environment.get("HADOOP_CONF_DIR") or "/nowhere") / "hdfs-site.xml")
    nodes = configured.get(f"dfs.ha.namenodes.{host}", "")
    keys = [f"dfs.namenode.http-address.{host}.{node.strip()}" for node in nodes.split(",") if node.strip()]
    found = [configured[key] for key in keys or ["dfs.namenode.http-address"] if key in configured]
    found = [one.replace("0.0.0.0", host) for one in found]  # noqa: S104  # a server's word for all its addresses
    return ";".join(map(_with_scheme, found)) or f"http://{host}:{WEB_PORT}"


def _with_scheme(address: str) -> str:
    return address if "://" in address else f"http://{address}"


def _configured(file: Path) -> dict[str, str]:
    """Name → value of a Hadoop configuration file; nothing when there is none."""
    if not file.is_file():
        return {}
    try:
        properties = ET.parse(file).getroot().iter("property")  # noqa: S314  # the machine's own configuration
    except ET.ParseError as error:
        raise MachineError(f"cannot be read: {error}", where=str(file), remedy="mend the file") from error
    return {one.findtext("name", ""): one.findtext("value", "").strip() for one in properties}
