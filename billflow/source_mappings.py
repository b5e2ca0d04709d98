"""Mappings of billflow.yaml's `sources:`: what is read of a system, and how it becomes rows of a canonical table."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from billflow.exact_json import exact_json
from billflow.mapping_options import AnyWatermark, MappingOptions
from billflow.strict_yaml import AtLeastOne, FloatText

Names = tuple[Annotated[str, Field(min_length=1)], ...]
FileFormat = Literal["csv", "json", "parquet"]


class TableMapping(MappingOptions):
    """How the columns of what is read become those of a canonical table."""

    columns: dict[str, str] = Field(min_length=1)
    """Canonical column → Spark SQL expression over the source's columns."""
    unfold: str | None = None
    """Column that holds a list: each of its elements is a row, and takes the list's place in it."""

    @property
    def condition(self) -> str | None:
        """Spark SQL that tells which of the rows that were read are of this table; None for all."""
        return None


class FileMapping(TableMapping):
    """Files."""

    path: str
    """Relative to the project; may be a glob."""
    format: FileFormat | None = None
    """Instead of the source's."""
    where: str | None = None
    """Spark SQL condition; rows that do not meet it are not of this table."""

    @property
    def condition(self) -> str | None:
        """`where`."""
        return self.where


class SqlMapping(TableMapping):
    """A table, a view or a query of a SQL database."""

    table: str | None = None
    """Name, with its schema where there are several: public.customer."""
    only: Names = ()
    """Columns that are asked of a `table`, where not all are wanted: then no new one is noticed."""
    query: str | None = None
    """SELECT in the database's own SQL, instead of `table`."""
    where: str | None = None
    """Condition in the database's own SQL, which only sends the rows that meet it."""
    partition_by: str | None = None
    """Column by which the rows are read in several parts at once; one with an index, such as the key."""
    watermark: AnyWatermark | None = None
    """Column that grows with each change: while its highest value and the number of rows stay, nothing is read. With
    the `key` of its rows (`{column: changed_at, key: id}`) only those are read that are new or changed.
    """

    @model_validator(mode="after")
    def _is_a_table_or_a_query(self) -> "SqlMapping":
        if (self.table is None) == (self.query is None):
            raise ValueError("give either table or query")
        if self.only and self.query is not None:
            raise ValueError("a query names its columns itself; leave only out")
        return self


class MongoMapping(TableMapping):
    """A collection of MongoDB."""

    collection: str
    only: Names = ()
    """Fields that are asked of the documents, where not all are wanted: then no new one is noticed."""
    where: dict[str, Any] = Field(default_factory=dict)
    """MongoDB's own filter, in its extended JSON: `{kind: usage, at: {$gte: {$date: "2026-01-01T00:00:00Z"}}}`."""
    watermark: AnyWatermark | None = None
    """Field that grows with each change: while its highest value and the number of documents stay, nothing is read.
    With the `key` of its documents (`{column: changed_at, key: _id}`) only those are read that are new or changed.
    """

    @property
    def filter(self) -> str:
        """`where` as JSON; a fraction is a double, as in MongoDB's own filters."""
        return json.dumps(_fractions(self.where, float), sort_keys=True)

    @field_validator("where")
    @classmethod
    def _is_json(cls, where: dict[str, Any]) -> dict[str, Any]:
        return _json_of(where, 'a filter has no dates of YAML; write {$date: "2026-01-01T00:00:00Z"}')


class SearchMapping(TableMapping):
    """Documents of an index of OpenSearch or Elasticsearch, each with its `_id` and `_index`."""

    index: str
    """Name of an index, an alias or a data stream, or a pattern: `usage-*`."""
    only: Names = ()
    """Fields that are asked of the documents, where not all are wanted: then no new one is noticed."""
    where: dict[str, Any] = Field(default_factory=dict)
    """The engine's own query: `{range: {at: {gte: "2026-01-01"}}}`."""
    watermark: str | None = None
    """Field that grows with each change: while its highest value and the number of documents stay, nothing is read."""

    @property
    def query(self) -> str:
        """`where` as JSON; a fraction is the number that was written."""
        return exact_json(_fractions(self.where, Decimal))

    @field_validator("where")
    @classmethod
    def _is_json(cls, where: dict[str, Any]) -> dict[str, Any]:
        return _json_of(where, 'a query has no dates of YAML; write "2026-01-01T00:00:00Z"')


class RedisMapping(TableMapping):
    """Values of Redis: hashes, texts with JSON and lists of such, each with its key as `_key`; or entries of a stream,
    each with its id as `_id`.
    """

    keys: str | None = None
    """Pattern of keys, as Redis has it: `usage:*`."""
    stream: str | None = None
    """Key of a stream, instead of `keys`."""
    where: str | None = None
    """Spark SQL condition; rows that do not meet it are not of this table."""

    @property
    def condition(self) -> str | None:
        """`where`."""
        return self.where

    @model_validator(mode="after")
    def _is_keys_or_a_stream(self) -> "RedisMapping":
        if (self.keys is None) == (self.stream is None):
            raise ValueError("give either keys or stream")
        return self


def _fractions(value: Any, kind: Callable[[str], Any]) -> Any:
    """A fraction, which billflow keeps as the text that was written, as a number of a kind."""
    if isinstance(value, dict):
        return {name: _fractions(one, kind) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_fractions(one, kind) for one in value]
    return kind(value) if isinstance(value, FloatText) else value


def _json_of(value: dict[str, Any], mistake: str) -> dict[str, Any]:
    try:
        json.dumps(value)
    except TypeError:
        raise ValueError(mistake) from None
    return value


def _by_listing(value: Any) -> str:
    return "~many" if isinstance(value, list | tuple) else "~one"


FileMappings = Annotated[
    Annotated[FileMapping, Tag("~one")] | Annotated[tuple[FileMapping, ...], AtLeastOne, Tag("~many")],
    Discriminator(_by_listing),
]
SqlMappings = Annotated[
    Annotated[SqlMapping, Tag("~one")] | Annotated[tuple[SqlMapping, ...], AtLeastOne, Tag("~many")],
    Discriminator(_by_listing),
]


MongoMappings = Annotated[
    Annotated[MongoMapping, Tag("~one")] | Annotated[tuple[MongoMapping, ...], AtLeastOne, Tag("~many")],
    Discriminator(_by_listing),
]


RedisMappings = Annotated[
    Annotated[RedisMapping, Tag("~one")] | Annotated[tuple[RedisMapping, ...], AtLeastOne, Tag("~many")],
    Discriminator(_by_listing),
]


SearchMappings = Annotated[
    Annotated[SearchMapping, Tag("~one")] | Annotated[tuple[SearchMapping, ...], AtLeastOne, Tag("~many")],
    Discriminator(_by_listing),
]
