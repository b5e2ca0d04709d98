"""`sources:` of billflow.yaml: where rows come from, and how they become those of the canonical tables."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Discriminator, Field, SecretStr, Tag, field_validator, model_validator

from billflow.canonical import CANONICAL_TABLES
from billflow.shown_values import HIDDEN_OPTION
from billflow.source_mappings import (
    FileFormat,
    FileMapping,
    FileMappings,
    MongoMappings,
    RedisMappings,
    SearchMappings,
    SqlMappings,
    TableMapping,
)
from billflow.strict_yaml import AtLeastOne, Strict


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
        mapping.check_options(table, where)
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


def _names_a_search_server(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    _check_encoded(text)
    if not text.startswith(("http://", "https://")):
        raise ValueError("the url must begin with http:// or https://")
    if "?" in text or "#" in text:
        raise ValueError("the url has no options; write it as https://user:password@host:9200")
    return url


_SECRET_IN_JDBC = re.compile(rf"{HIDDEN_OPTION}|(?i:^jdbc:oracle:\w+:[^@/]+/[^@]*@)|//[^/@;?]*@")


def _is_of_jdbc(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith("jdbc:"):
        raise ValueError("the url must begin with jdbc:, as the driver's manual has it")
    if _SECRET_IN_JDBC.search(url.get_secret_value()):
        raise ValueError("the url has no password; write it by itself: user: …, password: ${env:…}, properties: {…}")
    return url


SqlUrl = Annotated[SecretStr, AfterValidator(_names_a_sql_database)]
JdbcUrl = Annotated[SecretStr, AfterValidator(_is_of_jdbc)]
MongoUrl = Annotated[SecretStr, AfterValidator(_names_a_mongo_database)]
SearchUrl = Annotated[SecretStr, AfterValidator(_names_a_search_server)]


class SqlSource(AnySource):
    """A SQL database."""

    kind: Literal["sql"]
    url: SqlUrl
    """`postgresql://user:password@host:port/database`, `mysql://…`, `mariadb://…` or `sqlite:///file.db`."""
    timeout: int = Field(default=600, ge=1)
    """Seconds that the database may say nothing before its connection is given up and made again."""
    tables: dict[str, SqlMappings] = Field(min_length=1)


class JdbcSource(AnySource):
    """Any other SQL database, by its JDBC driver, which `spark: {spark.jars.packages: …}` brings."""

    kind: Literal["jdbc"]
    url: JdbcUrl
    """As the driver's manual has it, without a password: `jdbc:sqlserver://host;databaseName=crm`."""
    user: str | None = None
    password: SecretStr | None = None
    properties: dict[str, SecretStr] = Field(default_factory=dict)
    """Further properties of the driver's own, shown nowhere: `{trustStorePassword: ${env:TRUST}}`."""
    driver: str | None = None
    """Class of the driver, where it is not one of the well-known."""
    fetch_size: int = Field(default=10_000, ge=1)
    """Rows that the database sends at once."""
    tables: dict[str, SqlMappings] = Field(min_length=1)


class MongoSource(AnySource):
    """A database of MongoDB."""

    kind: Literal["mongodb"]
    url: MongoUrl
    """`mongodb://user:password@host:port/database` or `mongodb+srv://…`, with MongoDB's own options behind a `?`."""
    tables: dict[str, MongoMappings] = Field(min_length=1)


class SearchSource(AnySource):
    """Indices of OpenSearch or Elasticsearch."""

    kind: Literal["elasticsearch"]
    url: SearchUrl
    """`https://user:password@host:9200`, with a path where a proxy has one."""
    tables: dict[str, SearchMappings] = Field(min_length=1)


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


Source = FileSource | SqlSource | JdbcSource | MongoSource | SearchSource | RedisSource


def _by_kind(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return None if kind is None else f"~{kind}"


_Source = Annotated[
    Annotated[FileSource, Tag("~files")]
    | Annotated[SqlSource, Tag("~sql")]
    | Annotated[JdbcSource, Tag("~jdbc")]
    | Annotated[MongoSource, Tag("~mongodb")]
    | Annotated[SearchSource, Tag("~elasticsearch")]
    | Annotated[RedisSource, Tag("~redis")],
    Discriminator(_by_kind),
]
Sources = Annotated[tuple[_Source, ...], AtLeastOne]
