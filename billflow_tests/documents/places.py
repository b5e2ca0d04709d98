"""Where texts are on the pages of a PDF, as PDFium finds them."""

from collections.abc import Iterator

import pypdfium2 as pdfium


def places(pdf: bytes) -> Iterator[tuple[int, str, float, float]]:
    """Page (from 0), text, and the left and right edge of its ink in pt, of each stretch of text."""
    document = pdfium.PdfDocument(pdf)
    try:
        for number, page in enumerate(document):
            text = page.get_textpage()
            for index in range(text.count_rects()):
                left, bottom, right, top = text.get_rect(index)
                yield number, text.get_text_bounded(left, bottom, right, top).strip(), left, right
    finally:
        document.close()
