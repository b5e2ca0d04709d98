"""Documents: one JSON an invoice (`payload`), Typst (`templates`, `rendering`), folders that hold PDFs (`store`).

Nothing is imported here, so that fetching a PDF (`store`) starts neither Spark nor Typst.
"""
