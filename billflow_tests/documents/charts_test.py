import json
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billflow.documents.charts import ChartSheet, one_line
from billflow.documents.formatting import formats_of
from billflow.documents.templates import find_templates

LANGUAGES = frozenset({"en", "de", "fr", "es"})
BAR = re.compile(r"M(\d+) (\d+)V(\d+)")


def sheet(language="en", width=230, height=112):
    labels = json.loads(find_templates(None).files[f"locales/{language}.json"])
    return ChartSheet(formats_of(language, "", "EUR", LANGUAGES), labels, width, height)


def months(*pairs, current="2013-01", unit="kWh", metric="Energy", drawn=None):
    return (drawn or sheet()).months(pairs, metric=metric, unit=unit, current=current)


def days(*quantities, start="2013-01-01", end="2013-02-01", unit="kWh", drawn=None):
    pairs = [(f"{start[:8]}{at:02d}", quantity) for at, quantity in enumerate(quantities, start=1) if quantity]
    return (drawn or sheet()).days(pairs, metric="Energy", unit=unit, start=start, end=end)


def bars(chart, role="earlier"):
    """Middle, zero line, rise and breadth of each bar."""
    path, breadth = next(((path, breadth) for own, path, breadth in chart["shapes"] if own == role), ("", 0))
    assert "".join(bar.group() for bar in BAR.finditer(path)) == path
    return [(int(x), int(zero), int(zero) - int(y), breadth) for x, zero, y in BAR.findall(path)]


def rises(chart, role="earlier"):
    return [rise for _, _, rise, _ in bars(chart, role)]


def names(chart):
    return [name for name, _ in chart["names"]]


def test_months_golden():
    chart = months(["2012-11", "100.5"], ["2012-12", "201"], ["2013-01", "402.000"])
    assert (chart["title"], chart["measure"], chart["note"]) == ("Energy per month", "kWh", "402\u00a0kWh")
    assert chart["columns"][0]["text"] == "500\n400\n300\n200\n100\n0"
    assert names(chart) == ["Aug", "Sept", "Oct", "Nov", "Dec", "Jan"]
    assert rises(chart) == [145, 289]
    assert rises(chart, "current") == [579]
    assert [role for role, *_ in chart["shapes"]] == ["grid", "earlier", "current"]


@pytest.mark.parametrize(
    ("pairs", "shown"),
    [
        ([["2013-01", "5"]], 6),
        ([["2012-10", "5"], ["2013-01", "5"]], 6),
        ([["2012-05", "5"]], 9),
        ([["2012-01", "5"]], 13),
        ([["2001-01", "5"], ["2013-01", "5"]], 13),
        ([], 6),
        ([["2013-02", "5"]], 6),
    ],
)
def test_months_end_with_the_current_one(pairs, shown):
    chart = months(*pairs)
    assert len(chart["names"]) == shown
    assert names(chart)[-1] == "Jan"


def test_a_missing_month_is_an_empty_slot_and_zero_is_not():
    chart = months(["2012-08", "3"], ["2012-10", "0"], ["2012-11", "0.001"], ["2013-01", "6"])
    slots = [middle * 10 for _, middle in chart["names"]]
    shown = [(min(range(6), key=lambda at: abs(slots[at] - x)), rise) for x, _, rise, _ in bars(chart)]
    assert shown == [(0, 360), (2, 5), (3, 5)]


@pytest.mark.parametrize(
    ("quantities", "note", "measure", "ticks"),
    [
        (["0", "0"], "0 kWh", "kWh", "1 0"),
        (["1000000000000", "999999999999.5"], "≈ 1 × 10¹² kWh", "10¹² kWh", "1 0.8 0.6 0.4 0.2 0"),
        (["0.000001", "0.000002"], "0.000002 kWh", "10⁻⁶ kWh", "2 1.5 1 0.5 0"),
        (["-40", "20"], "20 kWh", "kWh", "20 0 -20 -40"),
        (["-40", "-20"], "-20 kWh", "kWh", "0 -10 -20 -30 -40"),
    ],
)
def test_months_of_any_size(quantities, note, measure, ticks):
    chart = months(["2012-12", quantities[0]], ["2013-01", quantities[1]])
    assert (chart["note"].replace("\u00a0", " "), chart["measure"]) == (note, measure)
    assert chart["columns"][0]["text"].split("\n") == ticks.split()


def test_negative_quantities_hang_from_zero():
    chart = months(["2012-11", "-40"], ["2012-12", "20"], ["2013-01", "-0.001"])
    (down, up), (last,) = bars(chart), bars(chart, "current")
    assert (down[1], down[2], up[1], up[2], last[2]) == (520, -480, 520, 240, -5)


@pytest.mark.parametrize(
    ("language", "width", "title", "shown"),
    [
        ("en", 230, "Energy per month", "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec Jan"),
        ("de", 320, "Energy je Monat", "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez Jan"),
        ("fr", 230, "Energy par mois", "J F M A M J J A S O N D J"),
        ("es", 146, "Energy al mes", "E F M A M J J A S O N D E"),
        ("en", 66, "Ene… per month", "J M M J S N J"),
    ],
)
def test_months_in_the_language_of_the_bill(language, width, title, shown):
    chart = months(*[[f"2012-{month:02d}", "5"] for month in range(1, 13)], drawn=sheet(language, width))
    assert chart["title"] == title
    assert " ".join(names(chart)) == shown


def test_days_golden():
    chart = days("12.3", "0", None, "30")
    assert (chart["title"], chart["measure"], chart["note"]) == ("Energy per day", "kWh", "Average 14.1\u00a0kWh")
    assert rises(chart) == [295, 5, 720]
    assert names(chart) == ["1 Jan", "8 Jan", "15 Jan", "22 Jan", "29 Jan"]
    assert ("average", "M108 662h2192", 7) in chart["shapes"]


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        ("2013-02-01", "2013-03-01", 28),
        ("2013-12-15", "2014-01-15", 31),
        ("2013-01-01", "2013-01-06", 5),
        ("2013-01-01", "2013-04-01", 90),
    ],
)
def test_days_of_the_period(start, end, shown):
    every = [
        (f"{year}-{month:02d}-{day:02d}", "1")
        for year in (2013, 2014)
        for month in range(1, 13)
        for day in range(1, 32)
    ]
    chart = sheet().days(every, metric="Energy", unit="kWh", start=start, end=end)
    places = bars(chart)
    assert len(places) == shown
    assert all(x + broad < other for (x, _, _, broad), (other, *_) in pairwise(places))


def test_days_without_any():
    chart = days()
    assert (chart["note"], [role for role, *_ in chart["shapes"]]) == ("", ["grid"])


def test_measure_gives_way_to_the_note_but_not_its_power_of_ten():
    chart = months(["2013-01", "123456789.123"], unit="kilowatt hours at the main meter", drawn=sheet(width=146))
    assert chart["measure"].startswith("10⁶ kilo")
    assert chart["note"] == "≈\u00a0123.5\u00a0×\u00a010⁶"


def test_quantities_that_are_no_numbers():
    with pytest.raises(ValueError, match="not a number: 'a lot'"):
        months(["2013-01", "a lot"])


@given(
    st.dictionaries(
        st.sampled_from([f"2012-{month:02d}" for month in range(2, 13)]), st.decimals(-(10**12), 10**12, places=6)
    ),
    st.decimals(-(10**12), 10**12, places=6),
    st.integers(60, 483),
)
def test_bars_are_proportional_and_stay_in_their_plot(earlier, last, width):
    quantities = {month: f"{quantity:f}" for month, quantity in (earlier | {"2013-01": last}).items()}
    chart = months(*quantities.items(), drawn=sheet(width=width))
    shown = [
        (*bar, quantity)
        for bar, quantity in zip(bars(chart), [earlier[month] for month in sorted(earlier)], strict=True)
    ]
    shown += [(*bars(chart, "current")[0], last)]
    assert min(zero - rise for _, zero, rise, _, _ in shown) >= 280 - 5
    assert max(zero - rise for _, zero, rise, _, _ in shown) <= 1000 + 5
    assert min(x - broad / 2 for x, _, _, broad, _ in shown) > 0
    assert max(x + broad / 2 for x, _, _, broad, _ in shown) < width * 10
    largest = max(shown, key=lambda bar: abs(bar[4]))
    for _, _, rise, _, quantity in shown:
        proportional = quantity * largest[2] / largest[4] if largest[4] else 0
        assert abs(rise - proportional) <= 6


@pytest.mark.parametrize(
    ("text", "width", "shown"), [("Energy", 10, "Energy"), ("Energy and more", 5, "Energy…"), ("Energy", 2, "E…")]
)
def test_one_line(text, width, shown):
    assert one_line(text, width) == shown
