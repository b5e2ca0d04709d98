"""Sources of kind `redis`: hashes, texts and lists, by a pattern of their keys, and the entries of streams."""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any

import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from billflow.errors import SettingsError
from billflow.exact_json import exact_json
from billflow.shown_values import without_passwords
from billflow.source_mappings import RedisMapping
from billflow.source_settings import RedisSource
from billflow.sources.increments import Known, Opened
from billflow.sources.json_rows import json_rows
from billflow.sources.parts import read_parts, told_as_here
from billflow.sources.raw import FILE, ROW
from billflow.sources.servers import sample_of, server_error

_TEXT = "entry"
_SCHEMA = pa.schema([(_TEXT, pa.string())])
_BATCH = 1_000
_PATIENCE = 10
"""Seconds that a server has to be found."""
_SILENCE = 60
"""Seconds that it may be silent."""


@dataclass(frozen=True)
class Entries:
    """What of a database is read: keys that meet a glob, or one stream. `url` may hold a password, never shown."""

    url: str = field(repr=False)
    keys: str | None
    stream: str | None
    where: str
    """Place in billflow.yaml, for errors."""

    @property
    def shown(self) -> str:
        return str(self.stream or self.keys)


@dataclass(frozen=True)
class KeyPart:
    """The keys whose hash is `part` of so many `parts`."""

    entries: Entries
    part: int = 0
    parts: int = 1

    def texts(self, client: Any) -> Iterator[str]:
        """Each value as JSON. A key that SCAN gives twice is read once; one that comes meanwhile may be missed."""
        met: set[str] = set()
        found = (key for key in client.scan_iter(match=self.entries.keys, count=_BATCH) if self._has(key))
        for keys in _batches(found):
            new = [key for key in dict.fromkeys(keys) if key not in met]
            met.update(new)
            yield from _values(client, new, self.entries)

    def _has(self, key: str) -> bool:
        return zlib.crc32(key.encode()) % self.parts == self.part


@dataclass(frozen=True)
class StreamPart:
    """The entries of a stream from one id to another, as XRANGE takes them."""

    entries: Entries
    first: str
    last: str

    def texts(self, client: Any) -> Iterator[str]:
        """Each entry as JSON, its id as `_id`."""
        first = self.first
        while found := client.xrange(self.entries.stream, first, self.last, count=_BATCH):
            yield from (exact_json({**fields, "_id": number}) for number, fields in found)
            first = f"({found[-1][0]}"


@dataclass(frozen=True)
class RedisDelivery:
    """What mappings of one source that read the same keys or stream share."""

    source: str
    entries: Entries
    where: str
    """Place in billflow.yaml, for errors."""

    @property
    def name(self) -> str:
        """Folder of its raw table."""
        return f"{self.source}-{zlib.crc32(f'{self.entries.keys} {self.entries.stream}'.encode()):08x}"

    @property
    def size(self) -> None:
        """Nobody knows without reading."""
        return

    def check(self) -> None:
        """Connects, and asks for the first entry. SettingsError or PassingError."""
        self._first()

    def sample(self) -> str:
        """The first entry that is met."""
        return sample_of(self.entries.shown, self.entries.url, self._first(), "nothing yet")

    def _first(self) -> str | None:
        with explained(self.entries), _client(self.entries) as client:
            [part, *_] = parts_of(client, self.entries, 1)
            return next(part.texts(client), None)

    def state(self) -> list[Any] | None:
        """A stream tells whether it has changed; of keys only reading does."""
        if self.entries.stream is None:
            return None
        with explained(self.entries), _client(self.entries) as client:
            info = client.xinfo_stream(self.entries.stream)
        told = [info.get(name) for name in ("length", "last-generated-id", "max-deleted-entry-id", "entries-added")]
        return [self.name, without_passwords(self.entries.url), *map(str, told)]

    @contextmanager
    def opened(self, spark: SparkSession, known: Known | None = None) -> Iterator[Opened]:
        """A row an entry, with ROW, FILE and CORRUPT, to be read inside; fetched once, in parts, whatever is known."""
        del known
        with explained(self.entries), _client(self.entries) as client:
            parts = parts_of(client, self.entries, spark.sparkContext.defaultParallelism)
        texts = read_parts(spark, parts, _SCHEMA, fetched).persist(StorageLevel.DISK_ONLY)
        try:
            with self.readable():
                rows = json_rows(spark, texts)
            yield Opened(rows.withColumns({FILE: F.lit(self.entries.shown), ROW: F.monotonically_increasing_id()}))
        finally:
            texts.unpersist()

    def readable(self) -> AbstractContextManager[None]:
        """What an executor could not read, told as here."""
        return told_as_here()


def redis_delivery(source: RedisSource, mapping: RedisMapping, place: str) -> RedisDelivery:
    """What a mapping reads. `place` is the source's in billflow.yaml."""
    entries = Entries(source.url.get_secret_value(), mapping.keys, mapping.stream, place)
    return RedisDelivery(source.name, entries, place)


def parts_of(client: Any, entries: Entries, count: int) -> Sequence[KeyPart | StreamPart]:
    """About so many parts; each entry is in exactly one. What comes into a stream after that is in none.

    Ids of a stream begin with the millisecond in which an entry came, and are cut into times as long as each other.
    """
    if entries.stream is None:
        return [KeyPart(entries, part, count) for part in range(count)]
    info = client.xinfo_stream(entries.stream)
    if not info["length"]:
        return [StreamPart(entries, "-", "+")]
    first, last = info["first-entry"][0], info["last-entry"][0]
    low, high = (int(number.partition("-")[0]) for number in (first, last))
    cuts = sorted({low + (high - low) * at // count for at in range(1, count)} - {low})
    starts = [first, *(f"{cut}-0" for cut in cuts)]
    return [StreamPart(entries, *ends) for ends in zip(starts, [*(f"({one}" for one in starts[1:]), last], strict=True)]


@contextmanager
def _client(entries: Entries) -> Iterator[Any]:
    from redis import Redis  # noqa: PLC0415  # other commands spare loading it

    client = Redis.from_url(
        entries.url,
        decode_responses=True,
        encoding_errors="backslashreplace",
        socket_connect_timeout=_PATIENCE,
        socket_timeout=_SILENCE,
        client_name="billflow",
    )
    with client:
        yield client


def fetched(part: KeyPart | StreamPart) -> Iterator[pa.RecordBatch]:
    """The entries of a part as texts. Errors as `explained` makes them."""
    with explained(part.entries), _client(part.entries) as client:
        for texts in _batches(part.texts(client)):
            yield pa.RecordBatch.from_pydict({_TEXT: texts}, schema=_SCHEMA)


def _batches(texts: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(texts, _BATCH)):
        yield batch


def _values(client: Any, keys: Sequence[str], entries: Entries) -> Iterator[str]:
    """The values of keys as JSON: a hash or text is one, each element of a list is."""
    kinds = dict(zip(keys, _asked(client, "type", keys), strict=True))
    for kind, command in (("hash", "hgetall"), ("string", "get")):
        chosen = [key for key in keys if kinds[key] == kind]
        for key, value in zip(chosen, _asked(client, command, chosen), strict=True):
            if value:  # a key that went in between has none
                yield _of_hash(key, value) if kind == "hash" else _of_text(key, value)
    for key in (key for key in keys if kinds[key] == "list"):
        yield from (_of_text(key, value) for value in _elements(client, key))
    if other := {kind: key for key, kind in kinds.items() if kind not in {"hash", "string", "list", "none"}}:
        kind, key = next(iter(other.items()))
        raise SettingsError(
            f"the key {key!r} is a {kind}; hashes, texts and lists are read",
            where=entries.where,
            remedy="write a pattern of keys that leaves it out; a stream is named by stream",
        )


def _asked(client: Any, command: str, keys: Sequence[str]) -> Sequence[Any]:
    """One command for each key, in one round trip."""
    if not keys:
        return []
    with client.pipeline(transaction=False) as pipeline:
        for key in keys:
            getattr(pipeline, command)(key)
        answers: Sequence[Any] = pipeline.execute()
        return answers


def _elements(client: Any, key: str) -> Iterator[str]:
    start = 0
    while found := client.lrange(key, start, start + _BATCH - 1):
        yield from found
        start += _BATCH


def _of_hash(key: str, fields: Mapping[str, str]) -> str:
    return exact_json({**fields, "_key": key})


def _of_text(key: str, text: str) -> str:
    """JSON with its key as `_key`; what is no object goes on as it is, and its row is malformed."""
    try:
        value = json.loads(text, parse_float=Decimal, parse_constant=str)
    except ValueError:
        return text
    return exact_json({**value, "_key": key}) if isinstance(value, dict) else text


@contextmanager
def explained(entries: Entries) -> Iterator[None]:
    """A driver's error as PassingError when it may pass, else as SettingsError; neither shows a password."""
    from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError, TimeoutError  # noqa: A004, PLC0415
    from redis.exceptions import ConnectionError as LostError  # noqa: PLC0415

    try:
        yield
    except RedisError as error:
        passes = isinstance(error, LostError | TimeoutError | BusyLoadingError)
        passes = passes and not isinstance(error, AuthenticationError)
        mend = "url, keys or stream"
        raise server_error(str(error), passes=passes, where=entries.where, url=entries.url, mend=mend) from None
