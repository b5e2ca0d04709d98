"""`sources:` of billflow.yaml: where rows come from, and how they become those of the canonical tables."""

import json
import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Discriminator, Field, SecretStr, Tag, field_validator, model_validator

from billflow.canonical import CANONICAL_TABLES
from billflow.strict_yaml import AtLeastOne, FloatText, Strict

FileFormat = Literal["csv", "json", "parquet"]


class TableMapping(Strict):
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
    query: str | None = None
    """SELECT in the database's own SQL, instead of `table`."""
    where: str | None = None
    """Condition in the database's own SQL, which only sends the rows that meet it."""
    partition_by: str | None = None
    """Column by which the rows are read in several parts at once; one with an index, such as the key."""
    watermark: str | None = None
    """Column that grows with each change: while its highest value and the number of rows stay, nothing is read."""

    @model_validator(mode="after")
    def _is_a_table_or_a_query(self) -> "SqlMapping":
        if (self.table is None) == (self.query is None):
            raise ValueError("give either table or query")
        return self


class MongoMapping(TableMapping):
    """A collection of MongoDB."""

    collection: str
    where: dict[str, Any] = Field(default_factory=dict)
    """MongoDB's own filter, in its extended JSON: `{kind: usage, at: {$gte: {$date: "2026-01-01T00:00:00Z"}}}`."""
    watermark: str | None = None
    """Field that grows with each change: while its highest value and the number of documents stay, nothing is read."""

    @property
    def filter(self) -> str:
        """`where` as JSON."""
        return json.dumps(_numbers(self.where), sort_keys=True)

    @field_validator("where")
    @classmethod
    def _is_json(cls, where: dict[str, Any]) -> dict[str, Any]:
        try:
            json.dumps(where)
        except TypeError:
            raise ValueError('a filter has no dates of YAML; write {$date: "2026-01-01T00:00:00Z"}') from None
        return where


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


def _numbers(value: Any) -> Any:
    """A fraction, which billflow keeps as the text that was written, is a double in MongoDB's filters."""
    if isinstance(value, dict):
        return {name: _numbers(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_numbers(one) for one in value]
    return float(value) if isinstance(value, FloatText) else value


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


class AnySource(Strict):
    """A place that rows come from. `system` is the id space that its keys belong to."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    system: str = "default"
    ready: str | None = None
    """Marker file: the source covers a period once this is not older than the period's end."""
    tables: dict[str, Any]

    def mappings(self, table: str) -> tuple[TableMapping, ...]:
        """The mappings that feed a canonical table, in the order of the file."""
        found = self.tables.get(table, ())
        return found if isinstance(found, tuple) else (found,)

    @model_validator(mode="after")
    def _maps_canonical_columns(self) -> "AnySource":
        for table in self.tables:
            if table not in CANONICAL_TABLES:
                raise ValueError(f"tables.{table}: unknown table; write one of {', '.join(CANONICAL_TABLES)}")
            for at, mapping in enumerate(self.mappings(table)):
                self._check_mapping(table, f"tables.{table}[{at}]", mapping)
        return self

    def _check_mapping(self, table: str, where: str, mapping: TableMapping) -> None:
        canonical = CANONICAL_TABLES[table]
        for column in mapping.columns:
            if column not in canonical.columns:
                known = ", ".join(canonical.columns)
                raise ValueError(f"{where}.columns.{column}: unknown column; write one of {known}")
        for column in canonical.required:
            if column not in mapping.columns:
                raise ValueError(
                    f"{where}.columns: {column} is missing; map it to an expression over the source's columns"
                )


class FileSource(AnySource):
    """Files that other systems write."""

    kind: Literal["files"]
    format: FileFormat | None = None
    tables: dict[str, FileMappings] = Field(min_length=1)

    def _check_mapping(self, table: str, where: str, mapping: TableMapping) -> None:
        if self.format is None and isinstance(mapping, FileMapping) and mapping.format is None:
            raise ValueError(f"{where}: no format is given; add format: csv, json or parquet")
        super()._check_mapping(table, where, mapping)


DATABASES = ("postgresql", "mysql", "mariadb", "sqlite")


_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


def _check_encoded(text: str) -> None:
    """A password with a space, a % or a / of its own would be taken apart, and parts of it told by errors."""
    behind_host = text.partition("://")[2].partition("/")[2].partition("?")[0]
    if any(char.isspace() for char in text) or _BROKEN_ESCAPE.search(text) or "@" in behind_host:
        raise ValueError("write spaces of a user or password as %20, % as %25, / as %2F, @ as %40")


def _names_a_sql_database(url: SecretStr) -> SecretStr:
    # What is said of it must not show the password, which a url that cannot be read may hold anywhere.
    if not url.get_secret_value().startswith("sqlite:"):
        _check_encoded(url.get_secret_value())
    try:
        parts = urlsplit(url.get_secret_value())
        parts.port  # noqa: B018  # only asking tells whether it is a number
    except ValueError:
        raise ValueError("this is not a url; write it as postgresql://user:password@host:port/database") from None
    if parts.scheme not in DATABASES:
        raise ValueError(f"the url must begin with one of {', '.join(f'{one}://' for one in DATABASES)}")
    if len(parts.path) < 2 or (parts.scheme != "sqlite" and not parts.hostname):  # "/"
        raise ValueError("the url names no database; write it as postgresql://user:password@host:port/database")
    return url


def _names_a_mongo_database(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    _check_encoded(text)
    if not text.startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("the url must begin with mongodb:// or mongodb+srv://")
    if len(text.partition("://")[2].partition("?")[0].partition("/")[2]) == 0:
        raise ValueError("the url names no database; write it as mongodb://user:password@host:port/database")
    return url


SqlUrl = Annotated[SecretStr, AfterValidator(_names_a_sql_database)]
MongoUrl = Annotated[SecretStr, AfterValidator(_names_a_mongo_database)]


class SqlSource(AnySource):
    """A SQL database."""

    kind: Literal["sql"]
    url: SqlUrl
    """`postgresql://user:password@host:port/database`, `mysql://…`, `mariadb://…` or `sqlite:///file.db`."""
    tables: dict[str, SqlMappings] = Field(min_length=1)


class MongoSource(AnySource):
    """A database of MongoDB."""

    kind: Literal["mongodb"]
    url: MongoUrl
    """`mongodb://user:password@host:port/database` or `mongodb+srv://…`, with MongoDB's own options behind a `?`."""
    tables: dict[str, MongoMappings] = Field(min_length=1)


class RedisSource(AnySource):
    """A database of Redis, or of Valkey."""

    kind: Literal["redis"]
    url: SecretStr
    """`redis://user:password@host:port/0`, or `rediss://…` for TLS."""
    tables: dict[str, RedisMappings] = Field(min_length=1)

    @field_validator("url")
    @classmethod
    def _is_of_redis(cls, url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith(("redis://", "rediss://")):
            raise ValueError("the url must begin with redis:// or rediss://")
        if "password" in url.get_secret_value().partition("?")[2]:  # what is shown of a url has its options
            raise ValueError("write the password before the host: redis://user:password@host:port/0")
        return url


Source = FileSource | SqlSource | MongoSource | RedisSource


def _by_kind(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return None if kind is None else f"~{kind}"


_Source = Annotated[
    Annotated[FileSource, Tag("~files")]
    | Annotated[SqlSource, Tag("~sql")]
    | Annotated[MongoSource, Tag("~mongodb")]
    | Annotated[RedisSource, Tag("~redis")],
    Discriminator(_by_kind),
]
Sources = Annotated[tuple[_Source, ...], AtLeastOne]
