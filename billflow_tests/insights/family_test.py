"""The bills before, of which days may come back: of a corrected bill the one in its place."""

from pathlib import Path

import pytest

from billflow.catalog import Cycle
from billflow.insights.family import BEFORE, Families, bills_before
from billflow.lake.manifest import read_manifest
from billflow.lake.storage import LocalStorage
from billflow_tests.lake.some_bills import MAY, confirm, draft
from billflow_tests.lake.some_corrections import correct


@pytest.mark.parametrize(
    ("known", "stands"),
    [(None, "2026-05-A+1"), (2, "2026-05-A+1"), (1, "2026-05-A")],
    ids=["now", "after", "before it"],
)
def test_the_lines_before(tmp_path: Path, known: int | None, stands: str) -> None:
    storage = LocalStorage(str(tmp_path))
    draft(storage, MAY)
    confirm(storage, MAY)
    correct(storage)
    manifest = read_manifest(storage)
    before = bills_before(manifest, "c01", Cycle(day=1).period("2026-06"), known)
    accounts = manifest.partitions[MAY].tables["accounts"]
    families = Families(storage, {"accounts": accounts}, before)
    lines = families.read("s", "A").tables[BEFORE].to_pylist()
    assert {(line["invoice_id"], line["line_no"]) for line in lines} == {(stands, 1), (stands, 2)}
    assert families.known("s", ["A", "X", "C"]) == ["A", "C"]


def test_nothing_was_made_before(tmp_path: Path) -> None:
    manifest = read_manifest(LocalStorage(str(tmp_path)))
    assert bills_before(manifest, "c01", Cycle(day=1).period("2026-06")).runs == ()
