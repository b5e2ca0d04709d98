"""What a bill of a confirmed month stands by."""

from pathlib import Path

import pytest

from billflow.insights.months import made_from
from billflow.lake.manifest import read_manifest
from billflow.lake.storage import LocalStorage
from billflow_tests.lake.some_bills import MAY, confirm, draft
from billflow_tests.lake.some_corrections import correct


@pytest.mark.parametrize(
    ("account", "known", "is_corrected"),
    [("A", None, True), ("A", 2, True), ("A", 1, False), ("C", None, False)],
)
def test_made_from(tmp_path: Path, account: str, known: int | None, is_corrected: bool) -> None:
    storage = LocalStorage(str(tmp_path))
    draft(storage, MAY)
    confirm(storage, MAY)
    correct(storage)
    manifest = read_manifest(storage)
    made = made_from(manifest, MAY, "s", account, known)
    assert made in ([*manifest.corrections.values()] if is_corrected else [manifest.partitions[MAY]])
