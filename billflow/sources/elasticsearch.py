"""Sources of kind `elasticsearch`: documents of indices of OpenSearch and Elasticsearch, with all their digits."""

import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Any

import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from billflow.errors import SettingsError
from billflow.exact_json import exact_json
from billflow.shown_values import without_passwords
from billflow.source_mappings import SearchMapping
from billflow.source_settings import SearchSource
from billflow.sources.increments import Known, Opened
from billflow.sources.json_rows import json_rows
from billflow.sources.parts import read_parts, told_as_here
from billflow.sources.raw import FILE, ROW
from billflow.sources.search_server import Documents, SearchServer
from billflow.sources.servers import sample_of

_TEXT = "document"
_SCHEMA = pa.schema([(_TEXT, pa.string())])
_PAGE = 2_000
_MOST_SLICES = 1_024
"""What servers allow, unless they are told otherwise."""
_ORDER = "_seq_no"
"""Number of a document's last change, unlike any other's of its shard. Both engines keep it, and can sort and slice by
it without loading every `_id`."""
_NOTHING = -(2**63)
"""What a document without a field is sorted by."""


@dataclass(frozen=True)
class Slice:
    """One of `parts` slices of some documents, at a point in time."""

    documents: Documents
    moment: str
    part: int = 0
    parts: int = 1

    def hits(self, server: SearchServer, size: int = _PAGE) -> Iterator[list[dict[str, Any]]]:
        """Pages of documents, each document once.

        Several shards may have documents of one number: a page begins with the last number of the one before, and
        what was met is left out.
        """
        met: set[tuple[Any, ...]] = set()
        further: dict[str, Any] = {}
        while hits := self._page(server, size, further):
            yield [hit for hit in hits if _key(hit) not in met]
            if len(hits) < size:
                return
            last = hits[-1]["sort"][0]
            if hits[0]["sort"][0] == last:  # more shards than a page has places
                size *= 2
            met = {_key(hit) for hit in hits if hit["sort"][0] == last}
            further = {"search_after": [last - 1]}

    def _page(self, server: SearchServer, size: int, further: dict[str, Any]) -> list[dict[str, Any]]:
        asked = {"size": size, "sort": [{_ORDER: "asc"}], "track_total_hits": False, **further}
        if self.parts > 1:
            asked["slice"] = {"field": _ORDER, "id": self.part, "max": self.parts}
        hits: list[dict[str, Any]] = server.page(self.moment, **asked)["hits"]["hits"]
        return hits


@dataclass(frozen=True)
class SearchDelivery:
    """The documents of one index that meet a query. Mappings that read the same ones share them."""

    source: str
    documents: Documents
    watermark: str | None
    where: str
    """Place in billflow.yaml, for errors."""

    @property
    def name(self) -> str:
        """Folder of its raw table."""
        read = " ".join([self.documents.index, self.documents.query, *self.documents.only])
        return f"{self.source}-{zlib.crc32(read.encode()):08x}"

    @property
    def size(self) -> None:
        """Nobody knows without reading."""
        return

    def check(self) -> None:
        """Connects, and asks for a document. SettingsError or PassingError."""
        self._first()

    def sample(self) -> str:
        """A document."""
        return sample_of(self.documents.index, self.documents.url, self._first(), "no document yet")

    def _first(self) -> str | None:
        with SearchServer(self.documents) as server:
            hits = server.found(size=1)["hits"]["hits"]
        return self._text(hits[0]) if hits else None

    def state(self) -> list[Any] | None:
        """What changes when the documents do; None where only reading them tells."""
        if self.watermark is None:
            return None
        order = [{self.watermark: {"order": "desc", "unmapped_type": "long"}}]
        with SearchServer(self.documents) as server:
            found = server.found(size=1, sort=order, track_total_hits=True, _source=False)["hits"]
        newest = [hit["sort"][0] for hit in found["hits"]]
        if newest and newest[0] in (None, _NOTHING):
            raise SettingsError(
                f"no document of {self.documents.index} has the field {self.watermark!r}",
                where=f"{self.where}.watermark",
                remedy="name one that grows with each change",
            )
        return [self.name, without_passwords(self.documents.url), found["total"]["value"], *map(str, newest)]

    @contextmanager
    def opened(self, spark: SparkSession, known: Known | None = None) -> Iterator[Opened]:
        """A row a document, with ROW, FILE and CORRUPT, to be read inside; fetched once, all at one point in time.

        All of them, whatever is known.
        """
        del known
        with SearchServer(self.documents) as server:
            count = server.found(size=0, track_total_hits=True)["hits"]["total"]["value"]
            with server.moment() as moment:
                yield from self._rows(spark, moment, count)

    def _rows(self, spark: SparkSession, moment: str, count: int) -> Iterator[Opened]:
        parts = max(1, min(spark.sparkContext.defaultParallelism, ceil(count / _PAGE), _MOST_SLICES))
        slices = [Slice(self.documents, moment, part, parts) for part in range(parts)]
        texts = read_parts(spark, slices, _SCHEMA, self._fetched).persist(StorageLevel.DISK_ONLY)
        try:
            with self.readable():
                rows = json_rows(spark, texts)
            yield Opened(rows.withColumns({FILE: F.lit(self.documents.index), ROW: F.monotonically_increasing_id()}))
        finally:
            texts.unpersist()

    def _fetched(self, part: Slice) -> Iterator[pa.RecordBatch]:
        """The documents of a part as texts."""
        with SearchServer(part.documents) as server:
            for hits in part.hits(server):
                yield pa.RecordBatch.from_pydict({_TEXT: [self._text(hit) for hit in hits]}, schema=_SCHEMA)

    def _text(self, hit: dict[str, Any]) -> str:
        """A document as JSON, with its id and index."""
        if "_source" not in hit:
            raise SettingsError(
                f"{hit['_index']} does not keep the documents that it was given",
                where=self.where,
                remedy="read an index whose mapping does not turn _source off",
            )
        return exact_json({**hit["_source"], "_id": hit["_id"], "_index": hit["_index"]})

    def readable(self) -> AbstractContextManager[None]:
        """What an executor could not read, told as here."""
        return told_as_here()


def search_delivery(source: SearchSource, mapping: SearchMapping, place: str) -> SearchDelivery:
    """The documents that a mapping reads. `place` is the source's in billflow.yaml."""
    documents = Documents(source.url.get_secret_value(), mapping.index, mapping.query, place, mapping.only)
    return SearchDelivery(source.name, documents, mapping.watermark, place)


def _key(hit: dict[str, Any]) -> tuple[Any, ...]:
    """Where documents are routed by a key of their own, shards of one index may have several of one `_id`."""
    return hit["_index"], hit["_id"], hit.get("_routing"), hit["sort"][0]
