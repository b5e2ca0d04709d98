"""Rows written to MongoDB (a stand-in, see `servers.mongo`)."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

import pytest
from bson import Decimal128

from billflow.errors import PassingError
from billflow.sink_settings import Outgoing
from billflow.sinks import mongodb
from billflow.sinks.outgoing import outgoing_rows
from billflow_tests.servers.mongo import Mongo

LINES = "invoice_id string, line_no int, net decimal(38,12), period_start date, cycle string, month string"
WHERE = "sinks.app.tables.invoice_lines"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongo]:
    started = Mongo(tmp_path_factory.mktemp("mongo"))
    yield started
    started.stop()


def lines(spark, table, *rows):
    made = [(invoice, no, Decimal(net), date(2026, 5, 1), "c01", "2026-05") for invoice, no, net in rows]
    return outgoing_rows(
        spark.createDataFrame(made, LINES).repartition(3), "invoice_lines", Outgoing(table=table), WHERE
    )


def test_documents_are_made_once_and_keep_what_others_have_set(spark, server):
    rows = lines(spark, "lines", ("i1", 1, "0.000000000001"), ("i1", 2, "5"))
    assert mongodb.write_rows(rows, server.url, "run-1", replaces=None) == 2
    server.app.lines.update_one({"line_no": 2}, {"$set": {"printed": True}})
    changed = lines(spark, "lines", ("i1", 1, "0.000000000001"), ("i1", 2, "6"))
    assert mongodb.write_rows(changed, server.url, "run-2", replaces=None) == 2
    first, second = server.app.lines.find({}, {"_id": 0, "billflow_run": 0}, sort=[("line_no", 1)])
    assert first == {
        "invoice_id": "i1",
        "line_no": 1,
        "net": Decimal128("0.000000000001"),
        "period_start": datetime(2026, 5, 1),  # noqa: DTZ001  # as PyMongo gives it: UTC
        "cycle": "c01",
        "month": "2026-05",
    }
    assert (second["net"].to_decimal(), second["printed"]) == (Decimal(6), True)


def test_drafts_that_are_no_more_go(spark, server):
    server.app.drafts.insert_one({"invoice_id": "theirs", "line_no": 1, "cycle": "c01", "month": "2026-05"})
    place = ("c01", "2026-05")
    rows = [lines(spark, "drafts", *made) for made in ([("i1", 1, "1"), ("i2", 1, "1")], [("i2", 1, "1")])]
    for at, one in enumerate(rows):
        mongodb.write_rows(one, server.url, f"run-{at}", replaces=place)
    assert sorted(one["invoice_id"] for one in server.app.drafts.find()) == ["i2", "theirs"]


def test_many_documents_each_once(spark, server):
    made = spark.range(2_500).selectExpr(
        "concat('i', id) as invoice_id", "1 as line_no", "cast(id as decimal(38,12)) as net",
        "date'2026-05-01' as period_start", "'c01' as cycle", "'2026-05' as month",
    )  # fmt: skip
    rows = outgoing_rows(made, "invoice_lines", Outgoing(table="many"), WHERE)
    assert [mongodb.write_rows(rows, server.url, run, replaces=None) for run in ("a", "b")] == [2_500, 2_500]
    assert server.app.many.count_documents({"billflow_run": "b"}) == 2_500


def test_a_server_that_is_away_passes_and_shows_no_password(spark, monkeypatch):
    monkeypatch.setattr(mongodb, "_PATIENCE", 200)
    url = "mongodb://app:of-nobody@127.0.0.1:1/app"
    with pytest.raises(PassingError) as told:
        mongodb.write_rows(lines(spark, "lines", ("i1", 1, "1")), url, "run", replaces=None)
    assert "of-nobody" not in str(told.value)
