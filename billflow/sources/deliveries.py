"""What each source delivers, whatever its kind: the one list of kinds."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from billflow.errors import BillflowError, PassingError
from billflow.mapping_options import Watermark
from billflow.settings import PROJECT_FILE, Settings
from billflow.source_mappings import FileMapping, MongoMapping, RedisMapping, SearchMapping, SqlMapping, TableMapping
from billflow.source_settings import FileSource, JdbcSource, MongoSource, RedisSource, SearchSource, Source
from billflow.sources.elasticsearch import search_delivery
from billflow.sources.files import FileDelivery, file_delivery, state_of
from billflow.sources.increments import Known, Opened
from billflow.sources.jdbc import JdbcDelivery, jdbc_delivery
from billflow.sources.mongodb import MongoDelivery, mongo_delivery
from billflow.sources.redis import redis_delivery
from billflow.sources.sql import SqlDelivery, sql_delivery


class Delivery(Protocol):
    """Rows of one source that are copied to the lake once. Several mappings may read them."""

    @property
    def source(self) -> str:
        """Name of the source."""

    @property
    def name(self) -> str:
        """Folder of its raw table."""

    @property
    def size(self) -> int | None:
        """Bytes; None where only reading tells."""

    def check(self) -> None:
        """SettingsError or MachineError when it cannot be read."""

    def state(self) -> list[Any] | None:
        """JSON that changes when the rows do; None where only reading them tells."""

    def opened(self, spark: SparkSession, known: Known | None = None) -> AbstractContextManager[Opened]:
        """The rows as delivered, with the columns of `sources.raw`; they are read inside.

        Only what is new beside what is `known`, where `is_incremental`.
        """

    def sample(self) -> str:
        """Where the rows are and one of them, for people. Errors as of `check`."""

    def readable(self) -> AbstractContextManager[None]:
        """Tells what is wrong with the source when its rows cannot be read inside."""


def mappings(settings: Settings) -> Iterator[tuple[Source, str, TableMapping]]:
    """Every (source, canonical table, mapping) in the order of billflow.yaml."""
    for source in settings.sources:
        for table in source.tables:
            for mapping in source.mappings(table):
                yield source, table, mapping


def delivery_of(settings: Settings, source: Source, mapping: TableMapping) -> Delivery:
    """What a mapping reads."""
    place = f"{settings.folder / PROJECT_FILE}: sources.{source.name}"
    if isinstance(source, FileSource):
        return file_delivery(settings, source, cast("FileMapping", mapping), place)
    if isinstance(source, JdbcSource):
        return jdbc_delivery(settings, source, cast("SqlMapping", mapping), place)
    if isinstance(source, MongoSource):
        return mongo_delivery(source, cast("MongoMapping", mapping), place)
    if isinstance(source, SearchSource):
        return search_delivery(source, cast("SearchMapping", mapping), place)
    if isinstance(source, RedisSource):
        return redis_delivery(source, cast("RedisMapping", mapping), place)
    return sql_delivery(settings, source, cast("SqlMapping", mapping), place)


def deliveries(settings: Settings) -> dict[str, Delivery]:
    """Name → delivery, for all mappings of all sources.

    Of mappings that read the same rows one may tell more of them than another: their watermark, and what their key is.
    """
    found = [delivery_of(settings, source, mapping) for source, _, mapping in mappings(settings)]
    told = {delivery.name: delivery for delivery in sorted(found, key=_told_of_watermark)}
    return {delivery.name: told[delivery.name] for delivery in found}


def _told_of_watermark(delivery: Delivery) -> int:
    return (getattr(delivery, "watermark", None) is not None) + (watermark_of(delivery) is not None)


def has_types(delivery: Delivery) -> bool:
    """Whether types of columns are the source's own, and not those of the values that happen to be there."""
    if isinstance(delivery, FileDelivery):
        return delivery.format != "json"
    return isinstance(delivery, SqlDelivery | JdbcDelivery)


def watermark_of(delivery: Delivery) -> Watermark | None:
    """By what a database tells which rows are new; None where its mapping names no key of them."""
    if not isinstance(delivery, SqlDelivery | JdbcDelivery | MongoDelivery):
        return None
    return delivery.watermark if isinstance(delivery.watermark, Watermark) else None


def is_incremental(delivery: Delivery) -> bool:
    """Whether it can be read without what was read of it before."""
    return isinstance(delivery, FileDelivery) or watermark_of(delivery) is not None


def check_sources(settings: Settings) -> None:
    """SettingsError or MachineError when a source is not there."""
    for delivery in deliveries(settings).values():
        delivery.check()


def state(settings: Settings) -> list[list[Any]] | None:
    """The same state means the same rows; None when a source cannot tell without being read."""
    states = [delivery.state() for delivery in deliveries(settings).values()]
    return None if None in states else [one for one in states if one is not None]


@contextmanager
def undisturbed(settings: Settings) -> Iterator[None]:
    """PassingError when a file of a source changes or goes while the sources are read inside, whatever came of it.

    Files that come meanwhile disturb nobody.
    """
    before = [(one, file, state_of(file)) for one in file_deliveries(settings) for file in one.files()]
    try:
        yield
    except (BillflowError, OSError, PySparkException, Py4JError) as error:
        if (disturbed := _disturbed(before)) is not None:
            raise disturbed from error
        raise
    if (disturbed := _disturbed(before)) is not None:
        raise disturbed


def _disturbed(before: list[tuple[FileDelivery, Path, tuple[int, ...]]]) -> PassingError | None:
    for delivery, file, state in before:
        if state_of(file) != state:
            return PassingError(
                f"{file} has changed while it was read",
                where=delivery.where,
                remedy="write it as .NAME and rename it when it is whole; then run again",
            )
    return None


def size(settings: Settings) -> int | None:
    """Bytes of all sources; None where one of them does not tell."""
    sizes = [delivery.size for delivery in deliveries(settings).values()]
    return None if None in sizes else sum(one for one in sizes if one is not None)


def source_files(settings: Settings) -> list[str]:
    """Absolute paths of the files that executors are going to read."""
    return sorted({str(file) for one in file_deliveries(settings) for file in one.files()})


def file_deliveries(settings: Settings) -> list[FileDelivery]:
    """Those of sources of kind `files`."""
    return [one for one in deliveries(settings).values() if isinstance(one, FileDelivery)]
