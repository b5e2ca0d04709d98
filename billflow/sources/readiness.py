"""How far in time a source's data reaches, without reading its rows."""

from datetime import UTC, datetime

from billflow.settings import Settings
from billflow.source_settings import Source
from billflow.sources.deliveries import delivery_of
from billflow.sources.files import FileDelivery


def covered_until(settings: Settings, source: Source) -> datetime | None:
    """When the source was written last: its marker file when it names one (None while that is missing), else the
    newest of its usage files (of all its files where it gives no usage). A database is as of now.
    """
    if source.ready:
        marker = settings.folder / source.ready
        return datetime.fromtimestamp(marker.stat().st_mtime, UTC) if marker.exists() else None
    mappings = source.mappings("usage") or [one for table in source.tables for one in source.mappings(table)]
    delivered = [delivery_of(settings, source, mapping) for mapping in mappings]
    files = {file for one in delivered if isinstance(one, FileDelivery) for file in one.files()}
    newest = max((file.stat().st_mtime for file in files), default=None)
    return datetime.now(UTC) if newest is None else datetime.fromtimestamp(newest, UTC)
