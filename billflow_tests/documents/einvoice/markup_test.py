from decimal import Decimal

import pytest

from billflow.documents.einvoice.markup import amount, attribute, leaf, tag


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        (leaf("a", "x"), "<a>x</a>"),
        (leaf("a", None), ""),
        (leaf("a", " \n"), ""),
        (leaf("a", "<b> & ]]> \"'"), "<a>&lt;b&gt; &amp; ]]&gt; \"'</a>"),
        (leaf("a", "x\x0by\ud800\ufffe"), "<a>x\ufffdy\ufffd\ufffd</a>"),
        (leaf("a", "é 漢 🙂\t"), "<a>é 漢 🙂\t</a>"),
        (leaf("a", "1", having=attribute("b", '"<\x00')), "<a b='\"&lt;\ufffd'>1</a>"),
        (attribute("a", None), ""),
        (tag("a", leaf("b", "1"), leaf("c", None)), "<a><b>1</b></a>"),
        (tag("a", leaf("b", None), tag("c")), ""),
        (amount(Decimal("1.5")), "1.50"),
        (amount(Decimal("-12345678901234567890.1000")), "-12345678901234567890.10"),
    ],
)
def test_markup(markup, expected):
    assert markup == expected
