import copy
from decimal import Decimal

import pytest

from billflow.documents.einvoice.record import einvoice_of
from billflow.errors import EInvoiceError
from billflow_tests.documents.einvoice.bills import AMERICAN, BILLS, ENERGY, SELLER, payload, with_tax


@pytest.mark.parametrize(
    ("bill", "said"),
    [
        (with_tax("AE"), "customer's tax_id (BR-AE-02)"),
        (with_tax("K", buyer=AMERICAN), "customer's VAT identifier (BR-IC-02)"),
        ({**BILLS["intra-community"], "seller": {**SELLER, "tax_id": "29/123"}}, "seller's VAT identifier (BR-IC-02)"),
        ({**BILLS["export"], "seller": {**SELLER, "tax_id": "29/123"}}, "seller's VAT identifier (BR-G-02)"),
        (payload(ENERGY, ("Pfand", "1", None, "1", "1.0000", "O", "0")), "an invoice of its own (BR-O-11)"),
        (with_tax("S", "0"), "category Z or E (BR-S-05)"),
    ],
)
def test_unmet_conditions(bill, said):
    with pytest.raises(EInvoiceError) as caught:
        einvoice_of(bill)
    assert said in str(caught.value)


def test_unmet_conditions_of_a_currency_with_three_decimals():
    dinars = payload(("Line", "1", None, "10.125", "10.1250", "S", "0.1"), currency="KWD")
    with pytest.raises(EInvoiceError) as caught:
        einvoice_of(dinars)
    assert "amounts may have two decimals (BR-DEC): 10.1250, 11.1350" in str(caught.value)


def altered(part, name, amount, bill="two rates"):
    new = copy.deepcopy(BILLS[bill])
    (new[part][0] if isinstance(new[part], list) else new[part])[name] = amount
    return new


@pytest.mark.parametrize(
    ("bill", "said"),
    [
        (altered("lines", "net", "58.1400"), ["BR-CO-10", "80.34", "80.33", "lines of S 19 % are not its base (BR-S-08): 58.14", "58.13"]),
        (altered("invoice", "net", "80.3400"), ["BR-CO-10", "BR-CO-15"]),
        (altered("invoice", "tax", "12.6100"), ["BR-CO-14", "12.59", "12.61", "BR-CO-15"]),
        (altered("invoice", "total", "1.0000"), ["BR-CO-15", "92.92", "1.0000"]),
        (altered("taxes", "base", "58.1200"), ["BR-S-08"]),
        (altered("taxes", "tax", "11.0600"), ["BR-CO-14", "the tax of S 19 % is 11.0600 of 58.1300 (BR-CO-17)"]),
        (altered("taxes", "tax", "0.0100", bill="exempt"), ["the tax of E 0 % is 0.0100"]),
        (altered("lines", "tax_rate", "0.0700"), ["lines of S 19 % are not its base", "lines of S 7 % are not its base"]),
        ({**BILLS["domestic"], "taxes": []}, ["BR-CO-14", "lines of S 19 % are not its base (BR-S-08): 95.3300 and 0"]),
        ({**BILLS["domestic"], "taxes": 2 * BILLS["domestic"]["taxes"]}, ["BR-CO-14"]),
    ],
)  # fmt: skip
def test_disagreements(bill, said):
    with pytest.raises(EInvoiceError) as caught:
        einvoice_of(bill)
    assert "the bill's figures do not agree" in str(caught.value)
    assert [part for part in said if part not in str(caught.value)] == []


@pytest.mark.parametrize(("tax", "agrees"), [("0.02", False), ("0.03", True), ("0.04", True), ("0.05", False)])
def test_disagreements_where_prices_include_tax(tax, agrees):
    bill = copy.deepcopy(BILLS["prices include tax"])
    bill["taxes"][0]["tax"] = bill["invoice"]["tax"] = tax
    bill["invoice"]["total"] = str(Decimal("0.18") + Decimal(tax))
    if agrees:
        assert einvoice_of(bill)
    else:
        with pytest.raises(EInvoiceError, match="BR-CO-17"):
            einvoice_of(bill)


@pytest.mark.parametrize(("currency", "agrees"), [("JPY", True), ("ISK", True), ("EUR", False)])
def test_disagreements_by_the_currencys_minor_unit(currency, agrees):
    bill = copy.deepcopy(payload(("Line", "1", None, "1003", "1003.0000", "S", "0.1000"), currency=currency))
    bill["taxes"][0]["tax"] = bill["invoice"]["tax"] = "100.0000"
    bill["invoice"]["total"] = "1103.0000"
    if agrees:
        assert einvoice_of(bill)
    else:
        with pytest.raises(EInvoiceError, match="BR-CO-17"):
            einvoice_of(bill)
