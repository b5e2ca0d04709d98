"""Proofs: whether a rendered document shows all that it should, and what moved since an earlier one.

`findings` inspects one document, `comparison` sets two against each other, `pictures` and `report` show both to whoever
designs the templates. PDFs are bytes here; nothing that renders bills imports this room.
"""
