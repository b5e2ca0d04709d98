"""Charges in advance, and credits for days that were not served after all (PRICING §4)."""

import pytest

from billflow_tests.reference.scenarios import (
    FEBRUARY,
    ahead,
    billed,
    catalog_of,
    days,
    flat,
    held,
    nets,
    per_unit,
    used,
)

JAN_22, FEB_1, MAR_1 = "2013-01-22", "2013-02-01", "2013-03-01"


def rent(amount="28", **options):
    return flat(amount, when="advance", **options)


@pytest.mark.parametrize(
    ("charge", "row", "lines"),
    [
        (rent(), held(), [(FEB_1, MAR_1, "28.00")]),
        (rent(), held(quantity="3"), [(FEB_1, MAR_1, "84.00")]),
        (rent(), held(end="2013-02-15"), [(FEB_1, "2013-02-15", "14.00")]),
        (rent(), held(end="2013-02-01"), []),
        (rent("62"), held(start=JAN_22), [(JAN_22, FEB_1, "20.00"), (FEB_1, MAR_1, "62.00")]),
        (rent("62"), held(start="2013-01-01"), [("2013-01-01", FEB_1, "62.00"), (FEB_1, MAR_1, "62.00")]),
        (rent("62"), held(start="2012-12-31"), [(FEB_1, MAR_1, "62.00")]),
        (rent("62"), held(start=JAN_22, end="2013-01-23"), [(JAN_22, "2013-01-23", "2.00")]),
        (rent(), held(start="2013-02-01"), []),
        (rent(), held(start="2013-02-10"), []),
        (rent("1", per="day"), held(), [(FEB_1, MAR_1, "28.00")]),
        (rent("1", per="day"), held(start=JAN_22), [(JAN_22, FEB_1, "10.00"), (FEB_1, MAR_1, "28.00")]),
        (rent("120", per="year"), held(), [(FEB_1, MAR_1, "10.00")]),
        (rent(proration="none"), held(end="2013-02-15"), [(FEB_1, "2013-02-15", "28.00")]),
        (rent(valid_to="2013-02-15"), held(), [(FEB_1, "2013-02-15", "14.00")]),
        (rent("31", valid_from=JAN_22), held(), [(JAN_22, FEB_1, "10.00"), (FEB_1, MAR_1, "31.00")]),
    ],
)
def test_january_covers_february_and_what_began_within_january(charge, row, lines):
    assert days(billed(catalog_of({"c": charge}), subscriptions=[row])) == lines


def test_what_begins_in_february_is_on_its_bill():
    bill = billed(catalog_of({"c": rent()}), subscriptions=[held(start="2013-02-15")], period=FEBRUARY)
    assert days(bill) == [("2013-02-15", MAR_1, "14.00"), (MAR_1, "2013-04-01", "28.00")]


def test_each_version_of_the_plan_is_a_line():
    plan = [
        {"valid_from": "2010-01-01", "charges": {"c": rent()}},
        {"valid_from": "2013-02-15", "charges": {"c": rent("56")}},
        {"valid_from": "2013-03-01", "charges": {"c": rent("84")}},
    ]
    catalog = catalog_of(plans={"p": plan})
    assert days(billed(catalog)) == [(FEB_1, "2013-02-15", "14.00"), ("2013-02-15", MAR_1, "28.00")]
    assert days(billed(catalog, period=FEBRUARY)) == [(MAR_1, "2013-04-01", "84.00")]


def test_a_change_of_quantity_begins_a_row_that_was_not_billed_before():
    rows = [held(end="2013-02-15"), held(start="2013-02-15", quantity="2")]
    assert days(billed(catalog_of({"c": rent()}), subscriptions=rows)) == [(FEB_1, "2013-02-15", "14.00")]
    bill = billed(
        catalog_of({"c": rent()}), subscriptions=rows, period=FEBRUARY, billed_ahead=[ahead(end="2013-02-15")]
    )
    assert days(bill) == [("2013-02-15", MAR_1, "28.00"), (MAR_1, "2013-04-01", "56.00")]


def test_lines_in_advance_stand_where_the_catalogue_has_the_charge():
    charges = {"a": per_unit("1"), "c": rent("31"), "z": per_unit("1")}
    bill = billed(catalog_of(charges), used("1", "2013-01-25T00:00"), subscriptions=[held(start=JAN_22)])
    assert nets(bill) == [("a", "1.00"), ("c", "10.00"), ("c", "31.00"), ("z", "1.00")]


def credited(charge, rows, *billed_ahead, **plans):
    """Lines of February's bill that give days of February back."""
    catalog = catalog_of({"c": charge}) if charge else catalog_of(**plans)
    bill = billed(catalog, subscriptions=rows, period=FEBRUARY, billed_ahead=billed_ahead)
    return [line for line in days(bill) if line[2].startswith("-")]


@pytest.mark.parametrize(
    ("charge", "row", "billed_before", "lines"),
    [
        (rent(), held(), ahead(), []),
        (rent(), held(end=MAR_1), ahead(), []),
        (rent(), held(end="2013-02-15"), ahead(), [("2013-02-15", MAR_1, "-14.00")]),
        (rent(), held(end="2013-02-15"), ahead(quantity="3"), [("2013-02-15", MAR_1, "-42.00")]),
        (rent(), held(end="2013-02-15"), ahead(end="2013-02-20"), [("2013-02-15", "2013-02-20", "-5.00")]),
        (rent(), held(end="2013-02-15"), ahead(end="2013-02-15"), []),
        (rent(), held(end="2013-01-20"), ahead(), [(FEB_1, MAR_1, "-28.00")]),
        (rent(valid_to="2013-02-08"), held(), ahead(), [("2013-02-08", MAR_1, "-21.00")]),
        (rent("1", per="day"), held(end="2013-02-15"), ahead(), [("2013-02-15", MAR_1, "-14.00")]),
        (rent("120", per="year"), held(end="2013-02-15"), ahead(), [("2013-02-15", MAR_1, "-5.00")]),
        (rent("100"), held(end="2013-02-10"), ahead(), [("2013-02-10", MAR_1, "-67.86")]),
        (rent(proration="none"), held(end="2013-02-15"), ahead(), []),
        (rent(proration="none"), held(end="2013-02-01"), ahead(), [(FEB_1, MAR_1, "-28.00")]),
        (rent(), held(end="2013-02-15"), ahead("2013-01-01", "2013-02-01"), []),
    ],
)
def test_days_billed_and_not_served_come_back(charge, row, billed_before, lines):
    assert credited(charge, [row], billed_before) == lines


def test_a_credit_has_the_tax_of_its_charge_and_quantity_one():
    bill = billed(
        catalog_of({"c": rent(tax="gst")}),
        subscriptions=[held(end="2013-02-15")],
        period=FEBRUARY,
        billed_ahead=[ahead()],
    )
    (line,) = bill.lines
    assert (line.quantity, line.unit_price, line.tax_code, str(bill.tax)) == (1, -14, "gst", "-1.40")
    assert (line.subscription_id, line.plan, line.charge, bill.kind) == ("s", "p", "c", "credit_note")


def test_a_row_that_changes_gives_its_days_back_and_the_new_one_is_charged():
    rows = [held(end="2013-02-15"), held(start="2013-02-15", quantity="2")]
    bill = billed(catalog_of({"c": rent()}), subscriptions=rows, period=FEBRUARY, billed_ahead=[ahead()])
    assert days(bill) == [
        ("2013-02-15", MAR_1, "-14.00"),
        ("2013-02-15", MAR_1, "28.00"),
        (MAR_1, "2013-04-01", "56.00"),
    ]


def test_a_row_that_is_gone_gives_all_its_days_back():
    assert credited(rent(), [], ahead()) == [(FEB_1, MAR_1, "-28.00")]


def test_a_row_that_now_begins_later_gives_all_its_days_back_and_is_charged_again():
    rows = [held(start="2013-02-15")]
    bill = billed(catalog_of({"c": rent()}), subscriptions=rows, period=FEBRUARY, billed_ahead=[ahead()])
    assert days(bill) == [
        (FEB_1, MAR_1, "-28.00"),
        ("2013-02-15", MAR_1, "14.00"),
        (MAR_1, "2013-04-01", "28.00"),
    ]


def test_each_version_gives_back_at_its_own_price():
    plan = [
        {"valid_from": "2010-01-01", "charges": {"c": rent()}},
        {"valid_from": "2013-02-15", "charges": {"c": rent("56")}},
    ]
    billed_before = [ahead(end="2013-02-15"), ahead("2013-02-15")]
    assert credited(None, [held(end="2013-02-10")], *billed_before, plans={"p": plan}) == [
        ("2013-02-10", "2013-02-15", "-5.00"),
        ("2013-02-15", MAR_1, "-28.00"),
    ]


def test_a_version_that_takes_over_within_the_days_goes_on_serving_them():
    plan = [
        {"valid_from": "2010-01-01", "charges": {"c": rent()}},
        {"valid_from": "2013-02-15", "charges": {"c": rent("56")}},
    ]
    assert credited(None, [held()], ahead(), plans={"p": plan}) == []


def test_a_change_of_plan_ends_the_service_of_the_old_one():
    plans = {"p": {"charges": {"c": rent()}}, "q": {"charges": {"c": rent("56")}}}
    rows = [held(end="2013-02-15"), held("q", "2013-02-15")]
    bill = billed(catalog_of(plans=plans), subscriptions=rows, period=FEBRUARY, billed_ahead=[ahead()])
    assert [(line.plan, str(line.net)) for line in bill.lines] == [("p", "-14.00"), ("q", "28.00"), ("q", "56.00")]


@pytest.mark.parametrize("stranger", [ahead(plan="nowhere"), ahead(charge="nowhere"), ahead(service_account_id="x")])
def test_what_cannot_be_found_raises(stranger):
    with pytest.raises(LookupError):
        credited(rent(), [held()], stranger)
