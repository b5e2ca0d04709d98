"""Sources of kind `mongodb`: documents of collections, as JSON that keeps every digit."""

import zlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from billflow.exact_json import exact_json
from billflow.source_mappings import MongoMapping
from billflow.source_settings import MongoSource
from billflow.sources.json_rows import json_rows
from billflow.sources.parts import read_parts, told_as_here
from billflow.sources.raw import FILE, ROW
from billflow.sources.servers import sample_of, server_error
from billflow.strict_yaml import without_passwords

_TEXT = "document"
_SCHEMA = pa.schema([(_TEXT, pa.string())])
_BATCH = 4_096
_PATIENCE = 10_000
"""Milliseconds that a server has to be found."""
_SILENCE = 600_000
"""Milliseconds that it may be silent, unless its url says otherwise."""
_KEY = "_id"


@dataclass(frozen=True)
class Documents:
    """Some documents of a collection. `url` may hold a password and is never shown; `filter` is MongoDB's, as JSON."""

    url: str = field(repr=False)
    collection: str
    filter: str
    where: str
    """Place in billflow.yaml, for errors."""

    @property
    def chosen(self) -> dict[str, Any]:
        """The filter as PyMongo takes it; `{"$oid": …}` and `{"$date": …}` are what MongoDB's extended JSON says."""
        from bson import json_util  # noqa: PLC0415

        found: dict[str, Any] = json_util.loads(self.filter)
        return found


@dataclass(frozen=True)
class MongoDelivery:
    """The documents of one collection that meet a filter. Mappings that read the same ones share them."""

    source: str
    documents: Documents
    watermark: str | None
    where: str
    """Place in billflow.yaml, for errors."""

    @property
    def name(self) -> str:
        """Folder of its raw table."""
        return f"{self.source}-{zlib.crc32(f'{self.documents.collection} {self.documents.filter}'.encode()):08x}"

    @property
    def size(self) -> None:
        """Nobody knows without reading."""
        return

    def check(self) -> None:
        """Connects, and asks for a document. SettingsError or PassingError."""
        self._first()

    def sample(self) -> str:
        """The first document."""
        first = self._first()
        text = None if first is None else exact_json(plain(first))
        return sample_of(self.documents.collection, self.documents.url, text, "no document yet")

    def _first(self) -> Any:
        with explained(self.documents), _collection(self.documents) as collection:
            return collection.find_one(self.documents.chosen)

    def state(self) -> list[Any] | None:
        """What changes when the documents do; None where only reading them tells."""
        if self.watermark is None:
            return None
        chosen = self.documents.chosen
        with explained(self.documents), _collection(self.documents) as collection:
            newest = collection.find_one(chosen, sort=[(self.watermark, -1)])
            place = without_passwords(self.documents.url)
            return [self.name, place, collection.count_documents(chosen), exact_json(plain(newest))]

    @contextmanager
    def opened(self, spark: SparkSession) -> Iterator[DataFrame]:
        """A row a document, with ROW, FILE and CORRUPT, to be read inside; fetched once, in parts by its `_id`."""
        with explained(self.documents), _collection(self.documents) as collection:
            filters = key_ranges(collection, self.documents.chosen, spark.sparkContext.defaultParallelism)
        parts = [(self.documents, one) for one in filters]
        texts = read_parts(spark, parts, _SCHEMA, fetched).persist(StorageLevel.DISK_ONLY)
        try:
            with self.readable():
                rows = json_rows(spark, texts)
            shown = F.lit(self.documents.collection)
            yield rows.withColumns({FILE: shown, ROW: F.monotonically_increasing_id()})
        finally:
            texts.unpersist()

    def readable(self) -> AbstractContextManager[None]:
        """What an executor could not read, told as here."""
        return told_as_here()


def mongo_delivery(source: MongoSource, mapping: MongoMapping, place: str) -> MongoDelivery:
    """The documents that a mapping reads. `place` is the source's in billflow.yaml."""
    documents = Documents(source.url.get_secret_value(), mapping.collection, mapping.filter, place)
    return MongoDelivery(source.name, documents, mapping.watermark, place)


@contextmanager
def _collection(documents: Documents) -> Iterator[Any]:
    from bson.codec_options import CodecOptions  # noqa: PLC0415  # a tenth of a second that other commands spare
    from pymongo import MongoClient  # noqa: PLC0415

    aware: Any = CodecOptions(tz_aware=True, tzinfo=UTC)
    silence: dict[str, Any] = {} if "sockettimeoutms=" in documents.url.lower() else {"socketTimeoutMS": _SILENCE}
    client: Any = MongoClient(documents.url, serverSelectionTimeoutMS=_PATIENCE, appname="billflow", **silence)
    with client:
        yield client.get_default_database().get_collection(documents.collection, codec_options=aware)


def fetched(part: tuple[Documents, Mapping[str, Any]]) -> Iterator[pa.RecordBatch]:
    """The documents of a part as texts. Errors as `explained` makes them."""
    documents, condition = part
    chosen = {"$and": [documents.chosen, dict(condition)]}
    with explained(documents), _collection(documents) as collection:
        texts: list[str] = []
        for document in collection.find(chosen, batch_size=_BATCH):
            texts.append(exact_json(plain(document)))
            if len(texts) == _BATCH:
                yield pa.RecordBatch.from_pydict({_TEXT: texts}, schema=_SCHEMA)
                texts = []
        if texts:
            yield pa.RecordBatch.from_pydict({_TEXT: texts}, schema=_SCHEMA)


def key_ranges(collection: Any, chosen: Mapping[str, Any], parts: int) -> list[dict[str, Any]]:
    """Filters that cut documents into about so many parts by `_id`; each document meets exactly one of them.

    ObjectIds begin with the second in which they were made, and are cut into ranges of time as long as each other.
    Documents with another kind of key are one part.
    """
    from bson import ObjectId  # noqa: PLC0415

    of_time: dict[str, Any] = {_KEY: {"$type": "objectId"}}
    ends = [collection.find_one({"$and": [chosen, of_time]}, {_KEY: 1}, sort=[(_KEY, way)]) for way in (1, -1)]
    if None in ends:
        return [{}]
    low, high = (int(one[_KEY].generation_time.timestamp()) for one in ends)
    seconds = sorted({low + (high - low) * at // parts for at in range(1, parts)} - {low})
    cuts = [ObjectId(f"{second:08x}" + "0" * 16) for second in seconds]
    bounds = zip([None, *cuts], [*cuts, None], strict=True)
    ranges = [{**({"$gte": low} if low else {}), **({"$lt": high} if high else {})} for low, high in bounds]
    return [*({"$and": [of_time, {_KEY: one}]} if one else of_time for one in ranges), {_KEY: {"$not": of_time[_KEY]}}]


@contextmanager
def explained(documents: Documents, *, mend: str = "url, collection or where") -> Iterator[None]:
    """A driver's error as PassingError when it may pass, else as SettingsError; neither shows a password.

    `mend` are the keys that a mistake may be in.
    """
    from bson.errors import BSONError  # noqa: PLC0415
    from pymongo.errors import AutoReconnect, NetworkTimeout, PyMongoError  # noqa: PLC0415

    try:
        yield
    except (PyMongoError, BSONError) as error:
        what, passes = str(error).split(", Topology Description")[0], isinstance(error, AutoReconnect | NetworkTimeout)
        raise server_error(what, passes=passes, where=documents.where, url=documents.url, mend=mend) from None


def plain(value: Any) -> Any:
    """A document in what JSON has: numbers with all digits, dates as ISO 8601 in UTC, all else as text."""
    from bson import Decimal128  # noqa: PLC0415

    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, Decimal128 | float):
        number = value.to_decimal() if isinstance(value, Decimal128) else Decimal(repr(value))
        return number if number.is_finite() else str(number)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value.hex() if isinstance(value, bytes) else value
