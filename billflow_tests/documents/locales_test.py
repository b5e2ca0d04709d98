"""The catalogues of labels: complete, grammatical for every count, and as short as their places ask for."""

import json
import re

import pytest
from babel import Locale

from billflow.documents.templates import find_templates

FILES = find_templates(None).files
LANGUAGES = ["ar", "de", "en", "es", "fr", "hi", "ja", "pl", "zh"]
COUNTS = [*range(201), 1_000, 10_000, 100_000, 1_000_000, 2_500_000]

FACTS = ("number", "invoice_id", "corrects", "takes_back", "replaces", "correction_reason", "account", "your_tax_id")
ROOM = {  # points: size of the text, and what is free until the next text begins
    **dict.fromkeys((*FACTS, "period", "issue_date", "due_date"), (9, 74)),
    **dict.fromkeys(("pay_to", "iban", "reference", "questions"), (8.5, 56)),
    "tax_category": (8, 80),
    "tax_rate": (8, 30),
    "tax_base": (8, 60),
    "tax_amount": (8, 50),
    "quantity": (7.5, 68),
    "unit_price": (7.5, 48),
    "net": (7.5, 36),  # beside a currency's code
    "continued": (8.5, 60),
}


def labels(language):
    return json.loads(FILES[f"locales/{language}.json"])


def texts(value):
    """All texts of a label: its plural forms, or the names of the tax categories."""
    return list(value.values()) if isinstance(value, dict) else [value]


def placeholders(text):
    return sorted(re.findall(r"\{\w+\}", text))


def test_shipped_languages():
    assert sorted(name[8:-5] for name in FILES if name.startswith("locales/")) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_are_complete_and_in_order(language):
    own, english = labels(language), labels("en")
    assert list(own) == list(english)
    assert own["tax_categories"].keys() == english["tax_categories"].keys()
    assert [key for key, value in own.items() if not all(texts(value))] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_those_of_english(language):
    own, english = labels(language), labels("en")
    for key, value in own.items():
        if not isinstance(value, dict):
            assert (key, placeholders(value)) == (key, placeholders(english[key]))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", ["subscriptions", "records"])
def test_counted_labels_have_every_plural_category_of_integers(language, key):
    forms, rule = labels(language)[key], Locale(language).plural_form
    assert forms.keys() == {rule(count) for count in COUNTS} | {"other"}
    words_say_it = {"zero", "one", "two"} if language == "ar" else set()
    assert {form for form, text in forms.items() if placeholders(text) != ["{count}"]} == words_say_it


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_fit_into_their_places(language, specimen):
    own = labels(language)
    measured = dict(zip(ROOM, specimen.widths([own[key] for key in ROOM]), strict=True))
    assert {key: own[key] for key, (size, room) in ROOM.items() if measured[key] * size > room} == {}


@pytest.mark.parametrize(
    ("language", "key", "term"),
    [
        ("de", "AE", "Steuerschuldnerschaft des Leistungsempfängers"),  # § 14a (5) UStG
        ("fr", "AE", "Autoliquidation"),  # CGI annexe II, art. 242 nonies A
        ("es", "AE", "Inversión del sujeto pasivo"),  # RD 1619/2012, art. 6
        ("pl", "AE", "Odwrotne obciążenie"),  # ustawa o VAT, art. 106e
        ("ja", "AA", "軽減税率"),
        ("hi", "AE", "रिवर्स चार्ज"),
    ],
)
def test_tax_categories_use_the_terms_of_tax_law(language, key, term):
    assert labels(language)["tax_categories"][key] == term
