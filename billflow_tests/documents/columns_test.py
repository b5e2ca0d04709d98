import pytest
from hypothesis import given
from hypothesis import strategies as st

from billflow.documents.columns import Cells, plan_widths
from billflow.documents.layout import Column
from billflow.documents.pagination import text_width

TEXT, GROWS, AMOUNT = Column(field="a"), Column(field="a", grows=True), Column(field="a", format="amount")


def planned(room, *columns):
    return plan_widths([Cells(column, "", texts) for column, *texts in columns], room)


def test_plan_widths_gives_what_is_spare_to_columns_that_grow():
    texts, amounts = (GROWS, "Peak energy"), (AMOUNT, "1,234.50")
    wide, narrow = planned(40, texts, amounts)
    assert narrow == text_width("1,234.50")
    assert wide + narrow == pytest.approx(40)


def test_plan_widths_gives_what_is_spare_to_the_last_where_none_grows():
    first, last = planned(40, (TEXT, "Peak energy"), (AMOUNT, "1,234.50"))
    assert first == text_width("Peak energy")
    assert first + last == pytest.approx(40)


def test_plan_widths_takes_from_texts_before_numbers():
    text, number = planned(12, (TEXT, "a long name of many short words"), (AMOUNT, "1,234,567.89"))
    assert number == text_width("1,234,567.89")
    assert text + number == pytest.approx(12)


def test_plan_widths_leaves_room_for_the_label():
    (width, _) = plan_widths([Cells(TEXT, "Description", ["a"]), Cells(GROWS, "", ["b"])], 40)
    assert width == text_width("Description")


texts = st.lists(st.text("abc defg123.", min_size=1, max_size=60), min_size=1, max_size=6)


@given(st.lists(st.tuples(st.sampled_from([TEXT, GROWS, AMOUNT]), texts), min_size=1, max_size=7), st.floats(5, 90))
def test_planned_columns_fill_the_room_and_never_more(columns, room):
    widths = planned(room, *((column, *rows) for column, rows in columns))
    assert sum(widths) == pytest.approx(room, abs=1e-6)
    assert min(widths) >= 0


@given(texts, st.floats(2, 40))
def test_lines_are_no_wider_than_asked_for_and_lose_nothing(rows, width):
    cells = Cells(TEXT, "", rows)
    lines = cells.lines(width)
    assert len(lines) == len(rows)
    assert all(text_width(line) <= width for row in lines for line in row)
    assert ["".join("".join(row).split()) for row in lines] == ["".join(row.split()) for row in rows]


def test_lines_break_where_a_text_has_a_line_break():
    assert Cells(TEXT, "", ["a\nb", "c"]).lines(10) == [["a b"], ["c"]]
