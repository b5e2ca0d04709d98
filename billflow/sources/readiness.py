"""How far in time a source's data reaches, without reading its rows."""

from datetime import UTC, datetime

from billflow.settings import Settings, Source
from billflow.sources.files import delivery_of, files_of


def covered_until(settings: Settings, source: Source) -> datetime | None:
    """When the source was written last: its marker file when it names one (None while that is missing), else the
    newest of its usage files (of all its files where it gives no usage).
    """
    if source.ready:
        marker = settings.folder / source.ready
        return datetime.fromtimestamp(marker.stat().st_mtime, UTC) if marker.exists() else None
    mappings = source.mappings("usage") or [one for table in source.tables for one in source.mappings(table)]
    files = {file for mapping in mappings for file in files_of(delivery_of(settings, source, mapping))}
    return datetime.fromtimestamp(max(file.stat().st_mtime for file in files), UTC)
