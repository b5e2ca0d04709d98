"""What a bill holds decides which sections and columns it has."""

import pytest

from billflow.documents.attempts import whole
from billflow.documents.formatting import formats_of
from billflow.documents.layout import read_layout
from billflow.documents.pages import pages_of
from billflow.documents.sample import CREDIT_NOTE, INVOICE
from billflow.documents.sections import columns_of, parts_of
from billflow.documents.tables import Writing
from billflow.documents.templates import find_templates

FILES = find_templates(None).files
LAYOUT = read_layout(FILES["layout.yaml"])
LABELS = {
    **dict.fromkeys(["charges_title_credit"], "Credit in detail"),
    "charges_title": "Charges in detail",
    "usage_title": "Itemised usage",
    "continued": "continued",
    "records": "{count} records",
    "daily_sum": "a day",
    "net": "Net",
    "subscription": "Subscription",
    "account_charges": "Account",
    "charges": "Charges",
}
WRITING = Writing(formats_of("en", "AU", "AUD", frozenset(["en"])), LABELS, {"currency": "AUD"})


def parts(components=frozenset(), **changes):
    payload = {**INVOICE, **changes}
    return whole(parts_of(payload, WRITING, LAYOUT, components))


def line(**changes):
    return {**INVOICE["lines"][0], **changes}


def meter(*rows, dimensions=(), **changes):
    shown = {"daily": False, "records": len(rows), "dimensions": list(dimensions), "rows": list(rows)}
    return {**INVOICE["usage"][0], **shown, **changes}


def titles(blocks):
    return [(heading.level, heading.text, heading.beside) for block in blocks for heading in block.headings]


def test_sections_follow_the_layout_and_those_without_rows_are_left_out():
    assert [part.title for part in parts()] == ["Charges in detail", "Itemised usage"]
    assert [part.title for part in parts(lines=[])] == ["Itemised usage"]
    assert parts(lines=[], usage=[]) == []


def test_a_title_may_depend_on_the_kind_of_document():
    assert [part.title for part in whole(parts_of(CREDIT_NOTE, WRITING, LAYOUT, frozenset()))] == ["Credit in detail"]


@pytest.mark.parametrize(("components", "drawn"), [({"usage"}, ["table", "usage"]), (set(), ["table", "table"])])
def test_a_component_of_the_sections_own_name_draws_it(components, drawn):
    assert [part.component for part in parts(components)] == drawn


def test_a_list_that_no_layout_knows_is_a_section_with_a_column_for_each_field():
    readings = [
        {"meter": "M-1", "read_on": "2013-01-31", "reading": "100.50", "cost_net": "7"},
        {"meter": "M-2", "read_on": "2013-01-31", "reading": "9", "estimated": "yes"},
    ]
    last = parts(meter_readings=readings)[-1]
    assert last.title == "Meter readings"
    assert last.planned.labels == ["Meter", "Read on", "Reading", "Cost net", "Estimated"]
    assert [list(zip(*block.columns, strict=True)) for block in last.blocks] == [
        [("M-1", "31 Jan 2013", "100.5", "7.00", ""), ("M-2", "31 Jan 2013", "9", "", "yes")]
    ]


def test_what_is_no_list_of_rows_is_no_section():
    assert [part.title for part in parts(note="x", tags=["a"], empty=[])] == ["Charges in detail", "Itemised usage"]


def test_columns_of_take_the_format_that_all_values_have():
    rows = [{"a": "1", "b": "2013-01-01", "c": "x", "total": "1.5", "d": None}, {"a": "-2.50", "b": "soon", "e": "1"}]
    formats = {column.field: column.format for column in columns_of(rows)}
    assert formats == {"a": "number", "b": "text", "c": "text", "total": "amount", "d": "text", "e": "number"}


def test_columns_that_nothing_fills_vanish():
    bare = [line(period_start=None, period_end=None, quantity=None, unit_price=None)]
    assert parts(lines=bare)[0].planned.labels == ["Description", "Net AUD"]


def test_charges_are_under_their_subscription_and_section_with_subtotals():
    found = titles(parts()[0].blocks)
    assert found == [
        (1, "Subscription S-1001", "136.75"),
        (0, "Supply", "37.20"),
        (0, "Energy", "99.55"),
    ]


def test_accounts_head_their_charges_where_a_bill_is_for_several():
    lines = [line(account="Head office"), line(account="Branch · B-2", subscription_id="S-2", section=None)]
    assert titles(parts(lines=lines)[0].blocks) == [
        (2, "Head office", "37.20"),
        (1, "Subscription S-1001", "37.20"),
        (0, "Supply", "37.20"),
        (2, "Branch · B-2", "37.20"),
        (1, "Subscription S-2", "37.20"),
        (0, "Charges", "37.20"),
    ]


def test_each_dimension_of_usage_is_a_column():
    calls = meter(["2013-01-05 14:30", "3", "fixed", "+61 2"], dimensions=["network", "number"], metric="calls")
    sms = meter(["2013-01-06 08:00", "1", "+44"], dimensions=["number"], metric="sms")
    part = parts(usage=[calls, sms])[-1]
    assert [block.labels for block in part.blocks] == [
        ("Time", "Network", "Number", "Quantity"),
        ("Time", "Number", "", "Quantity"),
    ]
    assert [list(zip(*block.columns, strict=True)) for block in part.blocks] == [
        [("5 Jan\u200214:30", "fixed", "+61 2", "3")],
        [("6 Jan\u200208:00", "+44", "", "1")],
    ]


@pytest.mark.parametrize(
    ("metric", "unit", "title"),
    [
        ("energy_kwh", "kWh", "Energy, kWh · S-1001"),
        ("texts", "texts", "Texts · S-1001"),
        ("call_minutes", "min", "Call minutes, min · S-1001"),
        ("logins", None, "Logins · S-1001"),
    ],
)
def test_a_meter_is_called_by_its_metric_and_unit(metric, unit, title):
    part = parts(usage=[meter(["2013-01-05", "1"], metric=metric, unit=unit)])[-1]
    heading = part.blocks[0].title
    assert " ".join([*heading.text.split(), *heading.beside.split()]) == f"{title} 1 records"


def test_usage_has_as_many_lanes_as_its_width_allows():
    short = [["2013-01-05", str(day), "2"] for day in range(60)]
    wide = [["2013-01-05", str(day), "a destination in a country with a long name"] for day in range(60)]
    lanes = [parts(usage=[meter(*rows, dimensions=["to"])])[-1].lanes for rows in (short, wide)]
    assert lanes[0] == 4
    assert lanes[1] < 3


def test_the_day_is_printed_where_it_begins():
    rows = [["2013-01-05 14:30", "1"], ["2013-01-05 15:00", "2"], ["2013-01-06 15:00", "3"]]
    (page,) = pages_of(parts(lines=[], usage=[meter(*rows)]), 700)
    (lane,) = page["parts"][0]["lanes"]
    assert lane["cells"][0].split() == ["5", "Jan", "14:30", "15:00", "6", "Jan", "15:00"]


def test_a_section_begins_where_the_last_one_ends_if_it_has_room():
    def begins(lines):
        pages = list(pages_of(parts(lines=[line(description=str(n)) for n in range(lines)]), 700))
        return [[part["title"] for part in page["parts"]] for page in pages]

    assert begins(3) == [["Charges in detail", "Itemised usage"]]
    assert begins(40) == [["Charges in detail"], ["Itemised usage"]]
    assert begins(60) == [["Charges in detail"], ["Charges in detail", "Itemised usage"]]


def test_every_row_is_printed_once_on_pages_that_are_not_overfull():
    lines = [line(description=f"row{n} " + "word " * (n % 30), section=str(n // 7)) for n in range(150)]
    pages = list(pages_of(parts(lines=lines), 700))
    drawn = [part for page in pages for part in page["parts"] if part["title"] == "Charges in detail"]
    printed = " ".join(lane["cells"][0] for part in drawn for lane in part["lanes"]).split()
    assert [word for word in printed if word.startswith("row")] == [f"row{n}" for n in range(150)]
    for page in pages:
        used = sum(part["head"] + part["lines"] * part["pitch"] for part in page["parts"])
        between = sum(2 * part["pitch"] for part in page["parts"][:-1])
        assert used + between <= 700
