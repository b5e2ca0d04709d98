"""Which earlier bill runs a month's history of usage is taken from."""

import pytest

from billflow.lake.manifest import AccountCounts, Ingest, PublishedPartition, TableRun
from billflow.orchestration.bill_run import added_up
from billflow.orchestration.partitions import Partition

MONTHS = [Partition("c01", month) for month in ("2013-03", "2013-02", "2013-01")]


def table(path: str) -> TableRun:
    return TableRun(path=path, rows=1)


INGEST = Ingest(
    fingerprint="now",
    run_id="1",
    raw={},
    accounts=table("accounts"),
    subscriptions=table("subscriptions"),
    usage={month.key: table(f"usage/{month.month}/now") for month in MONTHS},
    quarantine={},
    report={},
)


def bill_run(month: str, sources: str = "now", catalog: str = "prices", *, history: bool = True) -> PublishedPartition:
    """A run that has billed the usage of a state of the sources."""
    return PublishedPartition(
        run_id="1",
        status="draft",
        period_start=f"{month}-01",
        period_end=f"{month}-28",
        counts=AccountCounts(accounts=1, invoiced=1, without_lines=0, held=0),
        totals={},
        tables={
            "usage": (table(f"usage/{month}/{sources}"),),
            "usage_history": (table("usage_history"),) if history else (),
        },
        fingerprint=sources,
        catalog=catalog,
    )


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ({}, {}),
        ({"2013-03": bill_run("2013-03")}, {"2013-03": ["2013-03", "2013-02", "2013-01"]}),
        ({"2013-02": bill_run("2013-02")}, {"2013-02": ["2013-02", "2013-01"]}),
        ({"2013-01": bill_run("2013-01")}, {"2013-01": ["2013-01"]}),
        (
            {"2013-03": bill_run("2013-03"), "2013-02": bill_run("2013-02")},
            {"2013-03": ["2013-03", "2013-01"], "2013-02": ["2013-02"]},
        ),
        # Other prices may count usage in another way; the month's own run is as it was printed.
        ({"2013-03": bill_run("2013-03", catalog="before")}, {"2013-03": ["2013-03"]}),
        # Other usage by now.
        ({"2013-03": bill_run("2013-03", "before")}, {}),
        ({"2013-03": bill_run("2013-03", history=False)}, {}),
    ],
)
def test_added_up(runs: dict[str, PublishedPartition], expected: dict[str, list[str]]) -> None:
    published = {f"c01|{month}": run for month, run in runs.items()}
    assert added_up(MONTHS, published, INGEST, "prices") == {f"c01|{month}": found for month, found in expected.items()}
