import pytest

from billflow.documents.daily import days_of


def meter(*rows, metric="kwh", aggregate="sum", records=None):
    return {
        "metric": metric,
        "unit": "kWh",
        "aggregate": aggregate,
        "records": records or len(rows),
        "rows": list(rows),
    }


FIRST = meter(["2013-01-01 10:00", "1.5", "peak"], ["2013-01-01 11:00", "0.25", ""], ["2013-01-02 10:00", "-3", ""])
SECOND = meter(["2013-01-02 09:00", "10"])


@pytest.mark.parametrize(
    ("usage", "days"),
    [
        ([FIRST, SECOND], [["2013-01-01", "1.75"], ["2013-01-02", "7"]]),
        (
            [{**FIRST, "aggregate": "max"}, {**SECOND, "aggregate": "max"}],
            [["2013-01-01", "1.5"], ["2013-01-02", "10"]],
        ),
        (
            [FIRST, meter(["2013-01-01", "7"], metric="a", aggregate="max", records=99)],
            [["2013-01-01", "1.75"], ["2013-01-02", "-3"]],
        ),
        (
            [FIRST, meter(["2013-01-01", "7"], metric="seats", aggregate="latest", records=99)],
            [["2013-01-01", "1.75"], ["2013-01-02", "-3"]],
        ),
        ([FIRST, meter(["2013-01-01", "7"], metric="sms")], [["2013-01-01", "1.75"], ["2013-01-02", "-3"]]),
    ],
)
def test_days_of(usage, days):
    assert days_of(usage) == [{"metric": "kwh", "name": None, "unit": "kWh", "days": days}]


def test_days_are_called_what_the_catalogue_calls_their_metric():
    [days] = days_of([{**FIRST, "name": "Electricity"}])
    assert days["name"] == "Electricity"


@pytest.mark.parametrize("usage", [[], [SECOND], [{**FIRST, "aggregate": "unique"}]])
def test_days_of_too_little(usage):
    assert days_of(usage) == []
