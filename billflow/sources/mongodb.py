"""Sources of kind `mongodb`: documents of collections, as JSON that keeps every digit."""

import zlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from math import floor
from typing import Any

import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from billflow.exact_json import exact_json
from billflow.mapping_options import Watermark, watermark_column
from billflow.shown_values import without_passwords
from billflow.source_mappings import MongoMapping
from billflow.source_settings import MongoSource
from billflow.sources.increments import Known, Opened
from billflow.sources.json_rows import json_rows
from billflow.sources.parts import read_parts, told_as_here
from billflow.sources.raw import FILE, ROW
from billflow.sources.servers import sample_of, server_error
from billflow.sources.watermarks import check_overlap

_TEXT = "document"
_SCHEMA = pa.schema([(_TEXT, pa.string())])
_BATCH = 4_096
_PATIENCE = 10_000
"""Milliseconds that a server has to be found."""
_SILENCE = 600_000
"""Milliseconds that it may be silent, unless its url says otherwise."""
_KEY = "_id"
_LOWEST = "from"


@dataclass(frozen=True)
class Documents:
    """Some documents of a collection. `url` may hold a password and is never shown; `filter` is MongoDB's, as JSON."""

    url: str = field(repr=False)
    collection: str
    filter: str
    where: str
    """Place in billflow.yaml, for errors."""
    only: tuple[str, ...] = ()
    """Fields that are sent; all, if it is empty."""

    @property
    def fields(self) -> dict[str, int] | None:
        """`only` as PyMongo takes it; a document's `_id` always comes along."""
        return dict.fromkeys(self.only, 1) or None

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
    watermark: str | Watermark | None
    where: str
    """Place in billflow.yaml, for errors."""

    @property
    def name(self) -> str:
        """Folder of its raw table."""
        read = " ".join([self.documents.collection, self.documents.filter, *self.documents.only])
        return f"{self.source}-{zlib.crc32(read.encode()):08x}"

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
            return collection.find_one(self.documents.chosen, self.documents.fields)

    def state(self) -> list[Any] | None:
        """What changes when the documents do; None where only reading them tells."""
        if self.watermark is None:
            return None
        with explained(self.documents), _collection(self.documents) as collection:
            newest, count = self._position(collection)
            return [self.name, without_passwords(self.documents.url), count, exact_json(plain(newest))]

    def _position(self, collection: Any) -> tuple[Any, int]:
        """The document with the highest value of the watermark, and how many documents there are."""
        chosen, highest_first = self.documents.chosen, [(watermark_column(self.watermark), -1)]
        return collection.find_one(chosen, sort=highest_first), collection.count_documents(chosen)

    @contextmanager
    def opened(self, spark: SparkSession, known: Known | None = None) -> Iterator[Opened]:
        """A row a document, with ROW, FILE and CORRUPT, to be read inside; fetched once, in parts by its `_id`.

        Those that are newer than what is `known`.
        """
        count, highest, condition = None, None, dict[str, Any]()
        with explained(self.documents), _collection(self.documents) as collection:
            if isinstance(self.watermark, Watermark):
                newest, count = self._position(collection)
                highest = highest_of(newest, self.watermark, self.where)
                condition = newer(self.watermark, known.delivered.highest) if known else {}
            chosen = {"$and": [self.documents.chosen, condition]}
            filters = key_ranges(collection, chosen, spark.sparkContext.defaultParallelism)
        parts = [(self.documents, {"$and": [condition, one]}) for one in filters]
        texts = read_parts(spark, parts, _SCHEMA, fetched).persist(StorageLevel.DISK_ONLY)
        try:
            with self.readable():
                rows = json_rows(spark, texts, known.delivered_columns if known else None)
            shown = rows.withColumns({FILE: F.lit(self.documents.collection), ROW: F.monotonically_increasing_id()})
            yield Opened(shown, known.delivered.segments if known else (), highest, count)
        finally:
            texts.unpersist()

    def readable(self) -> AbstractContextManager[None]:
        """What an executor could not read, told as here."""
        return told_as_here()


def mongo_delivery(source: MongoSource, mapping: MongoMapping, place: str) -> MongoDelivery:
    """The documents that a mapping reads. `place` is the source's in billflow.yaml."""
    documents = Documents(source.url.get_secret_value(), mapping.collection, mapping.filter, place, mapping.only)
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
        for document in collection.find(chosen, documents.fields, batch_size=_BATCH):
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


def highest_of(newest: Mapping[str, Any] | None, watermark: Watermark, where: str) -> str | None:
    """The watermark of the document that has the highest one, in MongoDB's extended JSON; None where none has one.

    SettingsError when the overlap is not one of its type's. `where` is in billflow.yaml.
    """
    from bson import json_util  # noqa: PLC0415

    value: Any = newest
    for name in watermark.column.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    if value is None:
        return None
    check_overlap(watermark, _said(value), where)
    return str(json_util.dumps({_LOWEST: value}))


def newer(watermark: Watermark, highest: str | None) -> dict[str, Any]:
    """The filter of documents that may have come or changed since `highest` was read."""
    from bson import Decimal128, json_util  # noqa: PLC0415

    value = json_util.loads(highest)[_LOWEST] if highest else None
    if isinstance(value, datetime):
        value = value.replace(tzinfo=UTC) - watermark.duration
    elif isinstance(value, Decimal128):
        value = Decimal128(value.to_decimal() - (watermark.number or 0))
    elif isinstance(value, int | float):
        value = (
            floor(value - (watermark.number or 0)) if isinstance(value, int) else value - float(watermark.number or 0)
        )
    return {"$or": [{watermark.column: {"$gte": value}}, {watermark.column: None}]} if value is not None else {}


def _said(value: Any) -> str:
    from bson import Decimal128  # noqa: PLC0415

    if isinstance(value, datetime):
        return "time"
    return "number" if isinstance(value, int | float | Decimal128) else "text"


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
