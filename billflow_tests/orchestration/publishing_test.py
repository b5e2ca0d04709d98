"""Where a bill run's tables are published."""

from billflow.lake.published import UNRATED_FOLDERS
from billflow.orchestration.assets.publishing import _PUBLISHED_AS


def test_quarantine_of_a_bill_run_is_known_by_its_folders() -> None:
    assert {f"-{table}" for table, name in _PUBLISHED_AS.items() if name == "quarantine"} == {*UNRATED_FOLDERS}
