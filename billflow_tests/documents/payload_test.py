import datetime as dt
import json
from decimal import Decimal

import pytest
from pyspark.sql import functions as F

from billflow.catalog import Metric
from billflow.documents.payload import invoice_payloads, itemised_usage
from billflow.documents.rendering import Renderer
from billflow.documents.schemas import Customer
from billflow.documents.templates import find_templates
from billflow.lake import schemas, tables
from billflow.settings import Seller

JANUARY = (dt.date(2013, 1, 1), dt.date(2013, 2, 1))
SELLER = {"name": "Acme Energy Ltd", "country": "AU", "iban": "DE89370400440532013000"}
REACHED = {"segment": "public", "endpoint": "0204:1", "endpoint_scheme": "0204", "buyer_reference": "04011000-12345-03"}
METRICS = {
    "energy_kwh": Metric(aggregate="sum", unit="kWh", name="Electricity"),
    "calls": Metric(aggregate="count"),
}


def local(*parts):
    """A wall clock time."""
    return dt.datetime(*parts)  # noqa: DTZ001


def frame(spark, schema, rows):
    """Rows given by name; what is not named is null."""
    return spark.createDataFrame([tuple(row.get(name) for name in schema.names) for row in rows], schema)


def invoice(invoice_id="i1", **columns):
    return {
        "invoice_id": invoice_id,
        "kind": "invoice",
        "status": "draft",
        "account_id": "17",
        "system": "a",
        "cycle": "c01",
        "month": "2013-01",
        "period_start": JANUARY[0],
        "period_end": JANUARY[1],
        "issue_date": JANUARY[1],
        "due_date": dt.date(2013, 2, 15),
        "currency": "AUD",
        "net": Decimal(30),
        "tax": Decimal(3),
        "total": Decimal(33),
        **columns,
    }


def line(number, invoice_id="i1", **columns):
    return {
        "invoice_id": invoice_id,
        "line_no": number,
        "account_id": "17",
        "system": "a",
        "subscription_id": "s1",
        "section": "Energy",
        "description": f"line {number}",
        "period_start": JANUARY[0],
        "period_end": JANUARY[1],
        "quantity": Decimal("10.5"),
        "unit": "kWh",
        "unit_price": Decimal("0.000000000001"),
        "net": Decimal("15.0000"),
        "tax_category": "S",
        "tax_rate": Decimal("0.1"),
        **columns,
    }


def record(number, at, quantity="1", **columns):
    return {
        "system": "a",
        "account_id": "17",
        "usage_id": f"u{number:05d}",
        "subscription_id": "s1",
        "metric": "energy_kwh",
        "quantity": Decimal(quantity),
        "event_time": dt.datetime(2013, 1, 1, tzinfo=dt.UTC),
        "local_time": at,
        **columns,
    }


def usage_of(spark, records, invoices=None, metrics=METRICS):
    """Invoice id → its groups of usage."""
    usage = frame(spark, schemas.USAGE, records)
    bills = frame(spark, schemas.INVOICES, invoices or [invoice()])
    found = itemised_usage(bills, usage, metrics=metrics).collect()
    return {row.invoice_id: [group.asDict(recursive=True) for group in row.usage] for row in found}


@pytest.fixture(scope="module")
def payloads(spark):
    """Two accounts of the same number in two systems, their tables in any order."""
    other = {"system": "b", "invoice_id": "i2"}
    tables = {
        "invoices": frame(spark, schemas.INVOICES, [invoice(), invoice(**other, corrects="i0")]),
        "lines": frame(spark, schemas.INVOICE_LINES, [line(n) for n in (10, 2, 1)] + [line(1, **other)]),
        "taxes": frame(
            spark,
            schemas.INVOICE_TAXES,
            [
                {
                    "invoice_id": "i1",
                    "system": "a",
                    "account_id": "17",
                    "tax_category": category,
                    "tax_rate": Decimal(rate),
                    "base": Decimal(15),
                    "tax": Decimal("1.5"),
                    "reason": "a reason" if category == "Z" else None,
                }
                for category, rate in (("Z", "0"), ("S", "0.2"), ("S", "0.1"))
            ],
        ),
        "accounts": frame(
            spark,
            schemas.ACCOUNTS,
            [
                {"system": "a", "account_id": "17", "name": 'Åse "Q" O\'Neil', "country": "NO", "language": "en"},
                {"system": "b", "account_id": "17", "name": "Other", "language": "de", **REACHED},
            ],
        ),
        "usage": frame(spark, schemas.USAGE, [record(1, local(2013, 1, 5, 14, 30), "0.5")]),
    }
    rows = invoice_payloads(**tables, seller=SELLER, metrics=METRICS).collect()
    assert {(row.cycle, row.month) for row in rows} == {("c01", "2013-01")}
    return {row.invoice_id: json.loads(row.payload) for row in rows}


def test_invoice_payloads_has_one_row_an_invoice(payloads):
    assert payloads.keys() == {"i1", "i2"}
    assert list(payloads["i1"]) == [
        "version",
        "language",
        "currency",
        "seller",
        "customer",
        "members",
        "invoice",
        "lines",
        "taxes",
        "usage",
        "history",
    ]
    assert [payloads[name]["customer"]["name"] for name in ("i1", "i2")] == ['Åse "Q" O\'Neil', "Other"]
    assert [payloads[name]["language"] for name in ("i1", "i2")] == ["en", "de"]
    assert payloads["i1"]["seller"] == {
        **dict.fromkeys(Seller.model_fields),
        **SELLER,
    }


def test_invoice_payloads_say_all_that_accounts_do_of_a_customer(payloads):
    other = {"account_id": "17", "name": "Other", **REACHED}
    assert payloads["i2"]["customer"] == {**dict.fromkeys(Customer.model_fields), **other}


def test_invoice_payloads_writes_numbers_and_dates_as_text(payloads):
    head = payloads["i1"]["invoice"]
    assert (head["net"], head["total"], head["invoice_number"]) == ("30.0000", "33.0000", None)
    assert (head["period_start"], head["period_end"], head["due_date"]) == ("2013-01-01", "2013-02-01", "2013-02-15")
    first = payloads["i1"]["lines"][0]
    assert (first["quantity"], first["unit_price"]) == ("10.500000000000", "0.000000000001")


def test_invoice_payloads_orders_lines_and_taxes(payloads):
    assert [entry["line_no"] for entry in payloads["i1"]["lines"]] == ["1", "2", "10"]
    taxes = [(tax["tax_category"], tax["tax_rate"][:3]) for tax in payloads["i1"]["taxes"]]
    assert taxes == [("S", "0.1"), ("S", "0.2"), ("Z", "0.0")]
    assert [tax["reason"] for tax in payloads["i1"]["taxes"]] == [None, None, "a reason"]
    assert payloads["i2"]["taxes"] == []
    assert payloads["i2"]["usage"] == []


def test_invoice_payloads_can_be_rendered(payloads):
    renderer = Renderer(find_templates(None))
    assert [renderer.render_pdf(payload).pages for payload in payloads.values()] == [2, 1]


def test_itemised_usage_is_in_order_of_time_then_id(spark):
    at = local(2013, 1, 5, 14, 30, 5)
    dimensions = {"to": "+61 2", "kind": "national"}
    records = [
        record(3, at, "0.250000000000"),
        record(2, at, "100"),
        record(1, at + dt.timedelta(seconds=1), "-7.5", dimensions=dimensions),
    ]
    assert usage_of(spark, records)["i1"] == [
        {
            "subscription_id": "s1",
            "metric": "energy_kwh",
            "name": "Electricity",
            "unit": "kWh",
            "daily": False,
            "aggregate": "sum",
            "daily_by": "sum",
            "records": 3,
            "dimensions": ["kind", "to"],
            "rows": [
                ["2013-01-05 14:30", "100", "", ""],
                ["2013-01-05 14:30", "0.25", "", ""],
                ["2013-01-05 14:30", "-7.5", "national", "+61 2"],
            ],
        }
    ]


def test_itemised_usage_groups_by_subscription_and_metric(spark):
    at = local(2013, 1, 5)
    records = [
        record(1, at),
        record(2, at, subscription_id="s0"),
        record(3, at, metric="calls"),
        record(4, at, metric="new"),
    ]
    groups = usage_of(spark, records)["i1"]
    assert [(group["subscription_id"], group["metric"], group["unit"]) for group in groups] == [
        ("s0", "energy_kwh", "kWh"),
        ("s1", "calls", ""),
        ("s1", "energy_kwh", "kWh"),
        ("s1", "new", None),
    ]


def test_itemised_usage_is_that_of_the_account_and_period(spark):
    records = [
        record(1, local(2012, 12, 31, 23, 59, 59)),
        record(2, local(2013, 1, 1)),
        record(3, local(2013, 1, 31, 23, 59, 59)),
        record(4, local(2013, 2, 1)),
        record(5, local(2013, 1, 2), system="b"),
        record(6, local(2013, 1, 2), account_id="18"),
    ]
    (group,) = usage_of(spark, records)["i1"]
    assert [row[0] for row in group["rows"]] == ["2013-01-01 00:00", "2013-01-31 23:59"]


def test_itemised_usage_is_not_on_a_credit_note_that_corrects(spark):
    invoices = [
        invoice("new", corrects="old"),
        invoice("credit", kind="credit_note", corrects="old"),
        invoice("negative", kind="credit_note"),
    ]
    found = usage_of(spark, [record(1, local(2013, 1, 2))], invoices)
    assert found.keys() == {"new", "negative"}


def test_what_takes_an_invoice_back_itemises_nothing_and_says_why(spark):
    """Whatever its kind is: what takes a credit note back is an invoice, and a new bill may be a credit note."""
    bills = [invoice("back", corrects="old"), invoice("new", kind="credit_note", corrects="old")]
    takes_back = F.col("invoice_id") == "back"
    notes = {
        "correction": F.when(takes_back, "takes_back").otherwise("replaces"),
        "corrects_number": F.lit("INV-1"),
        "correction_reason": F.lit("wrong rent"),
    }
    empty = {name: frame(spark, schema, []) for name, schema in (("lines", schemas.INVOICE_LINES), ("taxes", schemas.INVOICE_TAXES), ("accounts", schemas.ACCOUNTS))}  # fmt: skip
    found = invoice_payloads(
        frame(spark, schemas.INVOICES, bills).withColumns(notes),
        **empty,
        usage=frame(spark, schemas.USAGE, [record(1, local(2013, 1, 2))]),
        seller=SELLER,
        metrics=METRICS,
    )
    made = {row.invoice_id: json.loads(row.payload) for row in found.collect()}
    assert {name: len(one["usage"]) for name, one in made.items()} == {"back": 0, "new": 1}
    assert made["back"]["invoice"]["correction"] == "takes_back"
    assert {(one["invoice"]["corrects_number"], one["invoice"]["correction_reason"]) for one in made.values()} == {("INV-1", "wrong rent")}  # fmt: skip


@pytest.mark.parametrize(("count", "daily"), [(400, False), (401, True)])
def test_itemised_usage_is_daily_above_400_records(spark, count, daily):
    start = local(2013, 1, 1)
    records = [record(n, start + dt.timedelta(minutes=30 * n), "0.5") for n in range(count)]
    (group,) = usage_of(spark, records)["i1"]
    assert (group["daily"], group["records"]) == (daily, count)
    if daily:
        assert group["rows"][:2] == [["2013-01-01", "24", "48"], ["2013-01-02", "24", "48"]]
        assert group["rows"][-1] == ["2013-01-09", "8.5", "17"]
    else:
        assert len(group["rows"]) == count


def test_itemised_usage_shows_the_highest_of_a_day_for_maximum_metrics(spark):
    records = [record(n, local(2013, 1, 1 + n % 2), str(n)) for n in range(500)]
    (group,) = usage_of(spark, records, metrics={"energy_kwh": Metric(aggregate="max", unit="kWh")})["i1"]
    assert group["aggregate"] == "max"
    assert group["rows"] == [["2013-01-01", "498", "250"], ["2013-01-02", "499", "250"]]


def test_itemised_usage_shows_the_last_of_a_day_for_latest_metrics(spark):
    """Of the same instant, the last by usage_id."""
    records = [record(n, local(2013, 1, 1 + n % 2), str(1000 - n)) for n in range(500)]
    metrics = {"energy_kwh": Metric(aggregate="latest", unit="kWh")}
    (group,) = usage_of(spark, records, metrics=metrics)["i1"]
    assert group["daily_by"] == "latest"
    assert group["rows"] == [["2013-01-01", "502", "250"], ["2013-01-02", "501", "250"]]


@pytest.mark.parametrize("count", [3, 500])
def test_itemised_usage_counts_the_different_values_of_a_day_for_unique_metrics(spark, count):
    metrics = {"energy_kwh": Metric(aggregate="unique", of="device", unit="kWh")}
    records = [record(n, local(2013, 1, 1 + n % 2), "7", dimensions={"device": f"d{n % 6}"}) for n in range(count)]
    (group,) = usage_of(spark, records, metrics=metrics)["i1"]
    assert group["daily_by"] == "unique"
    if group["daily"]:
        assert group["rows"] == [["2013-01-01", "3", "250"], ["2013-01-02", "3", "250"]]
    else:
        assert [row[1:] for row in group["rows"]] == [["7", "d0"], ["7", "d2"], ["7", "d1"]]


def test_invoice_payloads_needs_no_shuffle_on_bucketed_tables(spark, tmp_path):
    names = {
        "invoices": schemas.INVOICES,
        "lines": schemas.INVOICE_LINES,
        "taxes": schemas.INVOICE_TAXES,
        "accounts": schemas.ACCOUNTS,
        "usage": schemas.USAGE,
    }
    bucketed = {name: tables.read_bucketed(spark, str(tmp_path), schema, 4) for name, schema in names.items()}
    found = invoice_payloads(**bucketed, seller=SELLER, metrics=METRICS)
    plan = found._jdf.queryExecution().executedPlan().toString()
    assert plan.count("Bucketed: true") == len(names) + 1  # invoices twice: with their usage and alone
    assert "Exchange" not in plan.replace("BroadcastExchange", "")
