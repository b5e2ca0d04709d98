import pytest

from billflow.documents.layout import Column, read_layout
from billflow.documents.templates import find_templates
from billflow.errors import SettingsError

HEAD = b"version: 1\nwidth: 483\nheight: 700\n"


def test_the_sections_of_the_shipped_layout():
    layout = read_layout(find_templates(None).files["layout.yaml"])
    assert {name: section.rows for name, section in layout.sections.items()} == {
        "charges": "lines",
        "consolidated": "consolidated",
        "other_bills": "other_bills",
        "usage": "usage",
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version: 2\nwidth: 1\nheight: 1\nsections: {}", "version: Input should be 1"),
        (HEAD, "sections: Field required"),
        (HEAD + b"sections: {a: {rows: lines}}", "sections.a.title: Field required"),
        (HEAD + b"sections: {a: {rows: lines, title: t, lanes: 0}}", "sections.a.lanes"),
        (HEAD + b"sections: {a: {rows: lines, title: t, columns: [{field: net, format: money}]}}", "columns.0.format"),
        (HEAD + b"sections: {a: {rows: lines, title: t, column: []}}", "sections.a.column: Extra inputs"),
        (HEAD + b"sections: [", "layout.yaml"),
        (b"", "the file: Input should be"),
    ],
)
def test_read_layout_says_what_is_wrong_and_where(content, said):
    with pytest.raises(SettingsError) as refused:
        read_layout(content)
    assert said in str(refused.value)
    assert "templates/layout.yaml" in str(refused.value)


@pytest.mark.parametrize(
    ("column", "side"),
    [
        (Column(field="a"), "start"),
        (Column(field="a", format="amount"), "end"),
        (Column(field="a", format="date"), "start"),
        (Column(field="a", format="time", align="end"), "end"),
        (Column(field="a", format="number", align="start"), "start"),
    ],
)
def test_side(column, side):
    assert column.side == side
