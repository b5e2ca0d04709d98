"""Charts that stand in metadata: well-formed, to scale, and with nothing of a name taken for markup."""

from base64 import b64decode
from decimal import Decimal
from xml.etree import ElementTree as ET

from billflow.insights.charts import as_image, before_and_after, totals_chart
from billflow.insights.listing import Listing

SPACE = "{http://www.w3.org/2000/svg}"


def bars(svg: str) -> list[tuple[int, str]]:
    found = ET.fromstring(svg).iter(f"{SPACE}rect")
    return [(int(one.attrib["width"]), one.attrib["fill"]) for one in found if one.attrib["height"] == "14"]


def test_bars_are_as_long_as_amounts_are_large():
    drawn = bars(before_and_after("x", [("a", Decimal(100), Decimal(50)), ("b", Decimal(0), Decimal(-25))]))
    assert [length for length, _ in drawn] == [330, 165, 1, 82]
    assert drawn[3][1] != drawn[1][1]


def test_names_are_no_markup():
    svg = before_and_after("<&>", [("a <b> & c", Decimal(1), Decimal(1)), ("n" * 40, Decimal(1), Decimal(1))])
    texts = [one.text for one in ET.fromstring(svg).iter(f"{SPACE}text")]
    assert {"<&>", "a <b> & c", "n" * 25 + "…"} <= set(texts)


def test_nothing_to_show_is_a_chart_too():
    assert bars(before_and_after("x", [])) == []


def test_an_image_carries_its_content():
    markdown = as_image("t", "<svg/>")
    assert markdown.startswith("![t](data:image/svg+xml;base64,")
    assert b64decode(markdown.partition("base64,")[2][:-1]) == b"<svg/>"


def test_a_chart_is_of_one_currency():
    totals = Listing(
        ("currency", "net_before", "net_after"), (("EUR", Decimal(1), Decimal(2)), ("JPY", Decimal(3), Decimal(4)))
    )
    plans = Listing(
        ("plan", "currency", "before", "after"),
        ((None, "EUR", Decimal(1), Decimal(1)), ("yen", "JPY", Decimal(3), Decimal(4))),
    )
    assert len(bars(totals_chart(totals, plans, "EUR"))) == 4
    assert "not of a plan" in totals_chart(totals, plans, "EUR")
    assert "yen" not in totals_chart(totals, plans, "EUR")
