"""A view that readers of the lake find beside the published tables, with a description of each column."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from billflow.lake.published import literal


@dataclass(frozen=True)
class View:
    """A view by `name`; one with a `macro` is the macro's rows for one day, and the macro gives those of any other."""

    name: str
    about: str
    columns: Mapping[str, str]
    """Column → what it says, in the order of the view."""
    rows: str
    """SQL over the published tables and views made before; `day` in it is the macro's."""
    macro: str = ""
    day: str = ""
    """SQL of the day that the view is for, where it has a macro."""

    def statements(self) -> Iterator[str]:
        """SQL that makes the view and its macro, and describes it for `duckdb_views()` and `duckdb_columns()`."""
        shown = ", ".join(f'"{name}"' for name in self.columns)
        rows = f"SELECT {shown} FROM ({self.rows})"
        if self.macro:
            yield f"CREATE MACRO {self.macro}(day) AS TABLE {rows}"
            rows = f"SELECT * FROM {self.macro}({self.day})"
        yield f"CREATE VIEW {self.name} AS {rows}"
        yield f"COMMENT ON VIEW {self.name} IS {literal(self.about)}"
        for name, meaning in self.columns.items():
            yield f'COMMENT ON COLUMN {self.name}."{name}" IS {literal(meaning)}'
