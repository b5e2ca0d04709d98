import pytest

from billflow.bench.bills import bill
from billflow.documents.proofs.comparison import compare_documents
from billflow.documents.sample import ILLUSTRATED, INVOICE
from billflow_tests.documents.native import PARTIES, native_bill
from billflow_tests.documents.proofs import changes
from billflow_tests.documents.proofs.months import next_month


def told(before, after, payload, later):
    return list(compare_documents(before.pdf(payload), after.pdf(later)).told())


def test_the_same_document_has_nothing_to_tell(shipped):
    comparison = compare_documents(shipped.pdf(ILLUSTRATED), shipped.pdf(ILLUSTRATED))
    assert (comparison.pages, comparison.is_same, list(comparison.told())) == ((2, 2), True, [])


@pytest.mark.parametrize("language", PARTIES)
def test_another_month_is_no_change_of_layout(shipped, language):
    payload = native_bill(language)
    assert told(shipped, shipped, payload, next_month(payload)) == []


def test_another_month_of_calls_moves_only_what_is_below_more_lines(shipped):
    payload, later = (
        bill(subscriptions=2, lines=10, records=records, seed=seed) for records, seed in ((80, 1), (95, 2))
    )
    moved = told(shipped, shipped, payload, next_month(later))
    assert all("lines of text above" in sentence for sentence in moved), moved


def test_full_pages_of_other_calls_are_no_change(shipped):
    payload, later = (bill(records=487, seed=seed) for seed in (1, 2))
    assert told(shipped, shipped, payload, next_month({**payload, "usage": later["usage"]})) == []


@pytest.mark.parametrize("language", PARTIES)
def test_what_a_higher_panel_moves_is_one_move(shipped, changed_templates, language):
    payload = native_bill(language)
    [sentence] = told(shipped, changed_templates(changes.PANEL_HIGHER), payload, next_month(payload))
    assert sentence.startswith('page 1: "')
    assert sentence.endswith("more texts moved 13.0 pt down")


def test_a_move_names_the_first_text_and_counts_the_others(shipped, changed_templates):
    [sentence] = told(shipped, changed_templates(changes.PANEL_HIGHER), INVOICE, next_month(INVOICE))
    assert sentence.startswith('page 1: "Summary" and ')


def test_a_move_has_the_boxes_of_both_pages(shipped, changed_templates):
    comparison = compare_documents(shipped.pdf(INVOICE), changed_templates(changes.PANEL_HIGHER).pdf(INVOICE))
    [move] = comparison.moves
    assert len(move.before) == len(move.after) == len(move.texts) > 10
    assert all(abs(new.top - old.top - 13) < 0.01 for old, new in zip(move.before, move.after, strict=True))


@pytest.mark.parametrize(("points", "shown"), [(0.4, []), (0.6, ["0.6 pt down"])])
def test_half_a_point_is_no_move(shipped, changed_templates, points, shown):
    name, old, new = changes.PANEL_HIGHER
    after = changed_templates((name, old, new.replace("73pt", f"{60 + points}pt")))
    assert [sentence.split("moved ")[1] for sentence in told(shipped, after, INVOICE, INVOICE)] == shown


def test_a_column_moves_to_the_side(shipped, changed_templates):
    sentences = told(shipped, changed_templates(changes.QUANTITY_TOO_FAR_LEFT), INVOICE, next_month(INVOICE))
    assert 'page 2: "31 day" and 2 more texts moved 60.0 pt to the left' in sentences


def test_lines_that_are_closer_together_drift(shipped, changed_templates):
    name, old, _ = changes.LINES_TOO_TIGHT
    after = changed_templates((name, old, old.replace("13pt", "12pt")))
    [sentence] = told(shipped, after, INVOICE, next_month(INVOICE))
    assert sentence == 'page 1: "Number" and 7 more texts moved 0.7 to 5.7 pt up'


def test_a_row_of_pictures_that_is_lower_moves_its_texts(shipped, changed_templates):
    pictures = changed_templates(("pictures.json", '"space": 18', '"space": 30'))
    [sentence] = told(shipped, pictures, ILLUSTRATED, next_month(ILLUSTRATED))
    assert sentence.startswith('page 1: "Charges by section" and ')
    assert sentence.endswith("moved 12.0 pt down")


def test_layout_with_another_pitch_moves_rows(shipped, changed_templates):
    loose = changed_templates(("layout.yaml", "pitch: 13 ", "pitch: 14 "))
    sentences = told(shipped, loose, INVOICE, next_month(INVOICE))
    assert sentences
    assert all(sentence.startswith("page 2: ") and sentence.endswith(" pt down") for sentence in sentences)


def test_a_longer_summary_moves_what_is_below_and_says_that_there_are_more_lines(shipped):
    more = {**INVOICE["lines"][0], "line_no": "4", "section": "Metering", "description": "Meter rent"}
    later = next_month({**INVOICE, "lines": [*INVOICE["lines"], more]})
    sentences = told(shipped, shipped, {**INVOICE, "usage": []}, {**later, "usage": []})
    assert [each for each in sentences if each.endswith("moved 16.0 pt down, with 1 more line of text above")]
    assert 'page 1: new: "Metering"' in sentences
    assert 'page 2: new: "Meter rent"' in sentences


def test_a_label_by_another_name_is_new_and_the_old_one_gone(shipped, changed_templates):
    comparison = compare_documents(shipped.pdf(INVOICE), changed_templates(changes.OTHER_WORD).pdf(next_month(INVOICE)))
    assert list(comparison.told()) == ['page 1: new: "At a glance"', 'page 1: gone: "Summary"']
    assert (comparison.new[0].page, comparison.gone[0].page) == (1, 1)


def test_another_size_is_told(shipped, changed_templates):
    sentences = told(shipped, changed_templates(changes.TITLES_LARGER), INVOICE, next_month(INVOICE))
    assert 'page 1: "Summary", "Tax" and "How to pay" are set in 14 pt instead of 12.5' in sentences


def test_pages_are_counted(shipped):
    payload = {**bill(records=80), "customer": INVOICE["customer"]}
    comparison = compare_documents(shipped.pdf({**payload, "usage": [], "lines": []}), shipped.pdf(payload))
    assert comparison.pages == (1, 2)
    assert "2 pages instead of 1" in list(comparison.told())


def test_a_label_on_another_page_is_told_as_such(shipped, changed_templates):
    with_break = changed_templates(("invoice.typ", "#summary(bill, labels)", "#pagebreak()\n#summary(bill, labels)"))
    sentences = told(shipped, with_break, INVOICE, next_month(INVOICE))
    assert sentences[0] == "3 pages instead of 2"
    assert 'page 1: "How to pay" is now on page 2' in sentences


@pytest.mark.parametrize(("swap", "which"), [(False, "the earlier document"), (True, "the document")])
def test_what_cannot_be_read_is_a_finding(shipped, swap, which):
    documents = [b"gone bad", shipped.pdf(INVOICE)]
    comparison = compare_documents(*(reversed(documents) if swap else documents))
    [finding] = comparison.findings
    assert (finding.kind, finding.severity) == ("broken", "error")
    assert finding.what.startswith(f"{which} was not compared: the PDF cannot be opened")
    assert list(comparison.told()) == [finding.what]
