"""Legal e-invoices of EN 16931: `record` makes one from a payload, `cii` and `ubl` write it, `reading` reads it back.

`facturx` makes a PDF that carries one a Factur-X (ZUGFeRD) file.
"""
