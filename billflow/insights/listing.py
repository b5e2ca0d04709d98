"""A small table that was computed: what verbs print and assets show."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Listing:
    """Columns and rows; money and quantities are decimals, NULL is None."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def records(self) -> Iterator[dict[str, Any]]:
        """Each row as column → value."""
        return (dict(zip(self.columns, row, strict=True)) for row in self.rows)
