"""Deliveries are opened and looked at: which rows are going to be read of each, and whether its mappings fit them."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from billflow import __version__
from billflow.lake.delivered import Delivered
from billflow.lake.storage import Storage
from billflow.mapping_options import Watermark
from billflow.settings import PROJECT_FILE, Settings
from billflow.shown_values import without_passwords
from billflow.source_mappings import TableMapping
from billflow.source_settings import Source
from billflow.sources.deliveries import (
    Delivery,
    deliveries,
    delivery_of,
    has_types,
    is_incremental,
    mappings,
    watermark_of,
)
from billflow.sources.drift import KnownColumns, check_columns, expressions_of
from billflow.sources.increments import Known, Opened, fits, why_whole
from billflow.sources.mapping import map_rows
from billflow.sources.raw import column_of
from billflow.sources.servers import no_column


@dataclass(frozen=True)
class Earlier:
    """What ingestions before have read, by delivery, and where its rows are."""

    storage: Storage
    columns: Mapping[str, KnownColumns] = field(default_factory=dict)
    delivered: Mapping[str, Delivered] = field(default_factory=dict)
    whole: bool = False
    """Whether all is to be read again nevertheless."""


@dataclass(frozen=True)
class OpenDelivery:
    """A delivery that is being read, and whether whole."""

    rows: Opened
    frame: DataFrame
    """Its columns, as all of its rows have them."""
    key: tuple[str, ...]
    basis: str
    why_whole: str
    """Why all rows are read, in words; empty when those are that are new."""
    whole: Callable[[str], AbstractContextManager["OpenDelivery"]]
    """Opens it again to read all rows, with the reason."""


@contextmanager
def opened_deliveries(
    spark: SparkSession, settings: Settings, earlier: Earlier | None = None
) -> Iterator[dict[Delivery, OpenDelivery]]:
    """Delivery → its rows, not read yet. SettingsError when a mapping's expression cannot be computed over them.

    Or, of a delivery whose columns are known, when one that a mapping uses is lost or of another type since.
    """
    opening = _Opening(spark, settings, earlier)
    with ExitStack() as stack:
        yield {one: stack.enter_context(opening.opened(one)) for one in deliveries(settings).values()}


class _Opening:
    def __init__(self, spark: SparkSession, settings: Settings, earlier: Earlier | None) -> None:
        self.spark, self.settings, self.earlier = spark, settings, earlier
        self.read_by: dict[str, list[tuple[Source, str, TableMapping]]] = {}
        for source, table, mapping in mappings(settings):
            name = delivery_of(settings, source, mapping).name
            self.read_by.setdefault(name, []).append((source, table, mapping))

    @contextmanager
    def opened(self, delivery: Delivery) -> Iterator[OpenDelivery]:
        """What is new of it, where that is enough."""
        why, before = self._why_whole(delivery)
        with ExitStack() as stack:
            found = stack.enter_context(self._newer(delivery, before)) if before else None
            if not found:
                stack.close()
                found = stack.enter_context(self._whole(delivery, why))
            yield found

    def _why_whole(self, delivery: Delivery) -> tuple[str, Known | None]:
        """What is known, where what is new will do; and why all rows are read, if they are."""
        before = self.earlier.delivered.get(delivery.name) if self.earlier else None
        if self.earlier and self.earlier.whole:
            return "it was asked for", None
        if not is_incremental(delivery):
            return "its mapping names no key beside a watermark", None
        why = why_whole(before, self._basis(delivery), has_watermark=watermark_of(delivery) is not None)
        if why or before is None or self.earlier is None:
            return why, None
        if not all(self.earlier.storage.exists(one.path) for one in before.segments):
            return "what was read of it before is gone", None
        first = self.spark.read.parquet(self.earlier.storage.uri(before.segments[0].path))
        return "its columns may have changed", Known(before, first)

    @contextmanager
    def _newer(self, delivery: Delivery, known: Known) -> Iterator[OpenDelivery | None]:
        """What is new; None when it does not go into the columns that are known."""
        with delivery.opened(self.spark, known) as rows:
            if fits(rows, known):
                self._check(delivery, known.rows)
                yield self._open(delivery, rows, known.rows, "")
            else:
                yield None

    @contextmanager
    def _whole(self, delivery: Delivery, why: str) -> Iterator[OpenDelivery]:
        with delivery.opened(self.spark) as rows:
            self._check(delivery, rows.rows)
            yield self._open(delivery, rows, rows.rows, why)

    def _open(self, delivery: Delivery, rows: Opened, frame: DataFrame, why: str) -> OpenDelivery:
        watermark = watermark_of(delivery)
        key = watermark.keys if watermark else ()
        basis = self._basis(delivery) if is_incremental(delivery) else ""
        return OpenDelivery(rows, frame, key, basis, why, partial(self._whole, delivery))

    def _check(self, delivery: Delivery, frame: DataFrame) -> None:
        known = self.earlier.columns.get(delivery.name) if self.earlier else None
        for source, table, mapping in self.read_by[delivery.name]:
            where = mapping_place(self.settings, source, table, mapping)
            if known:
                check_columns(known, frame, mapping, where, has_types=has_types(delivery))
            map_rows(frame, mapping, table, timezone=self.settings.timezone, where=where)
            watermark = getattr(mapping, "watermark", None)
            if isinstance(watermark, Watermark):
                _check_key(frame, watermark, where)

    def _basis(self, delivery: Delivery) -> str:
        """Hash over what decides which rows there are and what they look like."""
        source = self.read_by[delivery.name][0][0]
        secret = getattr(source, "url", None)
        read = [mapping.model_dump(mode="json") for _, _, mapping in self.read_by[delivery.name]]
        parts = {
            "version": __version__,
            "source": source.model_dump(mode="json", exclude={"tables", "ready"}),
            "place": without_passwords(secret.get_secret_value()) if secret else str(self.settings.folder),
            "mappings": read,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _check_key(frame: DataFrame, watermark: Watermark, where: str) -> None:
    for name in watermark.keys:
        try:
            frame.select(column_of(frame, name))
        except AnalysisException:
            raise no_column(name, f"{where}.watermark.key") from None


def expressions_read(settings: Settings) -> dict[str, list[str]]:
    """Delivery → the expressions over its columns."""
    found: dict[str, set[str]] = {}
    for source, _, mapping in mappings(settings):
        name = delivery_of(settings, source, mapping).name
        found.setdefault(name, set()).update(expressions_of(mapping).values())
    return {name: sorted(texts) for name, texts in found.items()}


def mapping_place(settings: Settings, source: Source, table: str, mapping: TableMapping) -> str:
    """Where a mapping stands in billflow.yaml."""
    all_of_table = source.mappings(table)
    number = f"[{all_of_table.index(mapping)}]" if len(all_of_table) > 1 else ""
    return f"{settings.folder / PROJECT_FILE}: sources.{source.name}.tables.{table}{number}"
