import pytest
from pydantic import TypeAdapter, ValidationError

from billflow.codes import PaymentUrl


@pytest.mark.parametrize(
    "url",
    [
        "https://pay.example",
        "https://pay.example/{invoice_id}?amount={amount}&currency={currency}&ref={reference}",
        "http://localhost/{amount}{amount}",
    ],
)
def test_payment_url(url):
    assert TypeAdapter(PaymentUrl).validate_python(url) == url


@pytest.mark.parametrize(
    "url", ["pay.example", "javascript:pay()", "https://pay.example/{account}", "https://pay.example/{", "https://x/{}"]
)
def test_payment_url_says_what_would_be_right(url):
    with pytest.raises(ValidationError, match=r"begins with https://.*\{invoice_id\}, .*\{currency\}"):
        TypeAdapter(PaymentUrl).validate_python(url)
