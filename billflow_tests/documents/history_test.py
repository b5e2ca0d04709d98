"""What bills show of earlier months."""

import json
from decimal import Decimal

import pytest

from billflow.catalog import Catalog, Metric
from billflow.documents.history import history_by_account, usage_history
from billflow.documents.payload import invoice_payloads
from billflow.lake import schemas
from billflow_tests.documents.payload_test import METRICS, SELLER, frame, invoice, local, record

CATALOG = Catalog(
    metrics={
        "energy_kwh": Metric(aggregate="sum", unit="kWh"),
        "peak_kw": Metric(aggregate="max", unit="kW"),
        "calls": Metric(aggregate="count"),
        "devices": Metric(aggregate="unique", of="device"),
        "seats": Metric(aggregate="latest"),
    },
    taxes={},
    plans={},
)


def account(account_id="17", payer=None, **columns):
    return {"system": "a", "account_id": account_id, "invoiced_account_id": payer or account_id, **columns}


def kept(account_id, month, quantity="1", events=1, metric="energy_kwh"):
    """A row of USAGE_HISTORY."""
    named = {"system": "a", "account_id": account_id, "metric": metric, "usage_month": month}
    return {**named, "quantity": Decimal(quantity), "events": events}


@pytest.fixture
def found(spark):
    def of(months, *accounts, kept=()):
        usage = {
            month: frame(spark, schemas.USAGE, [record(at, local(2013, 1, 1), **one) for at, one in enumerate(rows)])
            for month, rows in months.items()
        }
        everyone = frame(spark, schemas.ACCOUNTS, accounts or [account()])
        return usage_history(usage, everyone, CATALOG, [frame(spark, schemas.USAGE_HISTORY, list(kept))])

    return of


def shown(history):
    return sorted(
        (row.account_id, row.metric, row.usage_month, f"{row.quantity.normalize():f}", row.events)
        for row in history.collect()
    )


class TestUsageHistory:
    @pytest.mark.parametrize(
        ("metric", "quantity"),
        [("energy_kwh", "5.5"), ("calls", "5.5"), ("peak_kw", "3.5")],
    )
    def test_quantities_add_up_or_the_highest_counts(self, found, metric, quantity):
        rows = [{"metric": metric, "quantity": "2"}, {"metric": metric, "quantity": "3.5", "subscription_id": "s2"}]
        assert shown(found({"2013-01": rows})) == [("17", metric, "2013-01", quantity, 2)]

    @pytest.mark.parametrize("metric", ["devices", "seats", "gone"])
    def test_what_does_not_add_up_is_left_out(self, found, metric):
        assert shown(found({"2013-01": [{"metric": metric}]})) == []

    def test_each_month_by_itself(self, found):
        history = found({"2013-01": [{"quantity": "1"}], "2012-12": [{"quantity": "7"}, {"quantity": "1"}]})
        assert shown(history) == [
            ("17", "energy_kwh", "2012-12", "8", 2),
            ("17", "energy_kwh", "2013-01", "1", 1),
        ]

    def test_usage_of_children_counts_for_the_account_that_gets_the_bill(self, found):
        rows = [{"account_id": "17"}, {"account_id": "18", "quantity": "4"}, {"account_id": "elsewhere"}]
        history = found({"2013-01": rows}, account("17"), account("18", payer="17"))
        assert shown(history) == [("17", "energy_kwh", "2013-01", "5", 2)]

    def test_months_that_their_own_runs_added_up_stand_beside_the_others(self, found):
        history = found({"2013-01": [{"quantity": "1"}]}, kept=[kept("17", "2012-12", "8", 3), kept("gone", "2012-12")])
        assert shown(history) == [
            ("17", "energy_kwh", "2012-12", "8", 3),
            ("17", "energy_kwh", "2013-01", "1", 1),
        ]

    @pytest.mark.parametrize(("metric", "quantity"), [("energy_kwh", "12"), ("peak_kw", "8")])
    def test_of_those_who_have_become_a_family_since_it_is_added_up_again(self, found, metric, quantity):
        rows = [kept("17", "2012-12", "8", 3, metric=metric), kept("18", "2012-12", "4", 2, metric=metric)]
        history = found({"2013-01": []}, account("17"), account("18", payer="17"), kept=rows)
        assert shown(history) == [("17", metric, "2012-12", quantity, 5)]


class TestPayload:
    MONTHS = {  # noqa: RUF012 - a table of cases
        "2012-12": [{"quantity": "300.25"}, {"metric": "calls"}, {"metric": "peak_kw", "quantity": "9"}],
        "2013-01": [{"quantity": "10"}, {"metric": "calls"}, {"metric": "calls"}],
    }

    def test_metrics_of_two_months_and_more_by_how_many_events_they_have(self, found):
        row = history_by_account(found(self.MONTHS), METRICS).collect()[0]
        assert [one.asDict() for one in row.history] == [
            {"metric": "calls", "name": None, "unit": "", "months": [["2012-12", "1"], ["2013-01", "2"]]},
            {
                "metric": "energy_kwh",
                "name": "Electricity",
                "unit": "kWh",
                "months": [["2012-12", "300.25"], ["2013-01", "10"]],
            },
        ]

    def test_what_is_billed_by_its_highest_comes_last(self, found):
        row = history_by_account(found(self.MONTHS), {**METRICS, "calls": Metric(aggregate="max")}).collect()[0]
        assert [one.metric for one in row.history] == ["energy_kwh", "calls"]

    @pytest.mark.parametrize(
        ("columns", "metrics"),
        [({}, ["calls", "energy_kwh"]), ({"account_id": "99"}, []), ({"kind": "credit_note", "corrects": "i0"}, [])],
    )
    def test_of_bills_but_not_of_what_takes_one_back(self, spark, found, columns, metrics):
        empty = {
            "lines": frame(spark, schemas.INVOICE_LINES, []),
            "taxes": frame(spark, schemas.INVOICE_TAXES, []),
            "usage": frame(spark, schemas.USAGE, []),
        }
        payloads = invoice_payloads(
            invoices=frame(spark, schemas.INVOICES, [invoice(total=Decimal(1), **columns)]),
            accounts=frame(spark, schemas.ACCOUNTS, [account()]),
            seller=SELLER,
            metrics=METRICS,
            history=found(self.MONTHS),
            **empty,
        )
        payload = json.loads(payloads.first().payload)
        assert [one["metric"] for one in payload["history"]] == metrics
