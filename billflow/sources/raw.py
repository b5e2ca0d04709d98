"""Raw tables: rows as their source delivers them, with columns of ours beside."""

from pyspark.sql import DataFrame

ROW, FILE, CORRUPT = "_row", "_file", "_corrupt"
"""Columns that a raw table has beside the delivered ones: row number, file or table, text of a malformed row."""


def delivered_columns(raw: DataFrame) -> list[str]:
    """The columns as delivered, without ours."""
    return [name for name in raw.columns if name not in (ROW, FILE, CORRUPT)]
