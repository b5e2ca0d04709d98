import pytest

from billflow.documents.objects import page_count


def test_page_count():
    assert page_count(b"%PDF-1.7\n1 0 obj\n<</Type/Pages/Count 12/Kids[2 0 R]>>\nendobj") == 12


def test_page_count_of_something_else():
    with pytest.raises(ValueError, match="not a PDF"):
        page_count(b"hello")
