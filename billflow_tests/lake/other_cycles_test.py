"""Final bills of other cycles for days of a period."""

from datetime import date
from pathlib import Path

import pytest

from billflow.lake.manifest import read_manifest
from billflow.lake.other_cycles import bills_of_other_cycles
from billflow.lake.storage import LocalStorage
from billflow_tests.lake.some_bills import MAY, confirm, draft


@pytest.mark.parametrize(
    ("cycle", "start", "end", "known", "is_found"),
    [
        ("c15", date(2026, 4, 15), date(2026, 5, 15), None, True),
        ("c15", date(2026, 5, 15), date(2026, 6, 15), None, True),
        ("c15", date(2026, 5, 15), date(2026, 6, 15), 1, True),
        ("c15", date(2026, 5, 15), date(2026, 6, 15), 0, False),
        ("c15", date(2026, 4, 1), date(2026, 5, 1), None, False),
        ("c15", date(2026, 6, 1), date(2026, 7, 1), None, False),
        ("c01", date(2026, 5, 1), date(2026, 6, 1), None, False),
    ],
)
def test_bills_of_other_cycles(
    tmp_path: Path, cycle: str, start: date, end: date, known: int | None, is_found: bool
) -> None:
    storage = LocalStorage(str(tmp_path))
    draft(storage, MAY)
    assert bills_of_other_cycles(read_manifest(storage), cycle, start, end, known) == ()
    confirm(storage, MAY)
    manifest = read_manifest(storage)
    found = bills_of_other_cycles(manifest, cycle, start, end, known)
    assert found == (manifest.partitions[MAY].tables["invoices"] if is_found else ())
