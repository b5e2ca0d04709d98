import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billflow.documents.pagination import Block, Flow, Heading, wrap
from billflow.documents.widths import text_width


def block(rows: int, height: int = 1, title_lines: int = 2) -> Block:
    lines = [f"{row}.{line}" for row in range(rows) for line in range(height)]
    return Block([lines], range(0, rows * height, height), title=Heading(0, "title", "", title_lines))


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 10, [""]),
        ("short", 10, ["short"]),
        ("two words here", 3, ["two", "words", "here"]),
        ("a\nb\x00c\u2028d", 10, ["a b c d"]),
        ("1\u202f234\u00a0€", 10, ["1\u202f234\u00a0€"]),
    ],
)
def test_wrap(text, width, lines):
    assert wrap(text, width) == lines


@given(st.text(max_size=60), st.floats(min_value=2, max_value=30))
def test_wrap_keeps_every_character_and_no_line_is_too_wide(text, width):
    lines = wrap(text, width)
    assert all(text_width(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(wrap(text, 1e9)[0].split())


def test_flow_fill_keeps_title_and_first_row_together():
    flow = Flow([block(5), block(5, height=3)])
    assert [part.height for part in flow.fill(11)] == [7]
    assert [part.height for part in flow.fill(11)] == [11]
    assert [(part.begin, part.height) for part in flow.fill(11)] == [(9, 8)]


def test_flow_fill_cuts_a_row_that_is_higher_than_a_column():
    flow = Flow([block(1, height=25)])
    parts = [flow.fill(10)[0] for _ in range(4)]
    assert [part.printed_lines for part in parts] == [8, 8, 8, 1]
    assert flow.blocks == []


def test_flow_fill_lanes_spreads_the_last_page_evenly():
    flow = Flow([block(31)])
    lanes = flow.fill_lanes(70, lanes=3, least=10)
    assert [lane[0].printed_lines for lane in lanes] == [11, 11, 9]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 4)), min_size=1, max_size=8),
    st.integers(6, 30),
    st.integers(2, 3),
)
def test_flow_prints_every_line_once_and_in_order(shapes, room, lanes):
    blocks = [block(rows, height) for rows, height in shapes]
    flow, printed = Flow(list(blocks)), []
    while flow.blocks:
        for column in flow.fill_lanes(room, lanes, 4):
            assert sum(part.height for part in column) <= room
            printed += [line for part in column for line in part.printed[0]]
    assert printed == [line for whole in blocks for line in whole.columns[0]]
