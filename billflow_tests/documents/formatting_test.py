import pytest

from billflow.documents.formatting import Formats, formats_of

LANGUAGES = frozenset({"en", "de", "fr"})


def formats(language: str = "en", country: str = "AU", currency: str = "AUD") -> Formats:
    return formats_of(language, country, currency, LANGUAGES)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0.000000000000", "0"),
        ("-0.000", "0"),
        ("12.500000000000", "12.5"),
        ("100", "100"),
        ("1234567.25", "1,234,567.25"),
        ("-1234", "-1,234"),
        ("1E-12", "0.000000000001"),
        ("1.2E+3", "1,200"),
        ("99999999999999999999999999.123456789012", "99,999,999,999,999,999,999,999,999.123456789012"),
    ],
)
def test_number(text, shown):
    assert formats().number(text) == shown


@pytest.mark.parametrize(
    ("currency", "text", "shown"),
    [
        ("AUD", "0.3", "0.30"),
        ("AUD", "5", "5.00"),
        ("AUD", "0.006000000000", "0.006"),
        ("AUD", "0.123456789012", "0.123456789012"),
        ("JPY", "1234.0000", "1,234"),
        ("KWD", "1.2", "1.200"),
    ],
)
def test_amount(currency, text, shown):
    assert formats(currency=currency).amount(text) == shown


@pytest.mark.parametrize(
    ("language", "country", "currency", "shown"),
    [
        ("en", "AU", "AUD", "-$1,234.50"),
        ("en", "DE", "AUD", "-A$1,234.50"),
        ("en", "IN", "INR", "-₹1,234.50"),
        ("en", "AU", "JPY", "-JPY\u00a01,234.5"),
        ("de", "DE", "EUR", "-1.234,50\u00a0€"),
        ("de", "AT", "EUR", "-€\u00a01.234,50"),
        ("fr", "FR", "EUR", "-1\u202f234,50\u00a0€"),
    ],
)
def test_money(language, country, currency, shown):
    assert formats(language, country, currency).money("-1234.5000") == shown


def test_grouping_of_the_language():
    assert formats("en", "IN", "INR").number("12345678") == "1,23,45,678"


@pytest.mark.parametrize(
    ("rate", "shown"), [("0.1000", "10%"), ("0.025", "2.5%"), ("0", "0%"), ("0.100000000000", "10%")]
)
def test_percent(rate, shown):
    assert formats().percent(rate) == shown


def test_dates():
    assert formats().date("2013-02-15") == "15 Feb 2013"
    assert formats().day("2013-02-15") == "15 Feb"
    assert formats("en-US").date("2013-02-15") == "Feb 15, 2013"
    assert formats("de", "DE").date("2013-02-15") == "15.02.2013"


@pytest.mark.parametrize(
    ("language", "width", "shown"),
    [
        ("en", "abbreviated", ["Dec", "Jan"]),
        ("de", "abbreviated", ["Dez", "Jan"]),
        ("fr", "abbreviated", ["déc.", "janv."]),
        ("fr", "narrow", ["D", "J"]),
    ],
)
def test_months(language, width, shown):
    assert formats(language, "").months(["2012-12", "2013-01"], width=width) == shown


def test_period_ends_with_its_last_day():
    assert formats().period("2013-01-01", "2013-02-01") == "1\u201331 Jan 2013"
    assert formats().period("2012-12-15", "2013-01-15") == "15 Dec 2012\u2009\u2013\u200914 Jan 2013"
    assert formats().period("2013-01-05", "2013-01-06") == "5 Jan 2013"


@pytest.mark.parametrize("language", ["xx", "", "klingon", "ja", "zz_ZZ"])
def test_language_without_labels_is_english_as_a_whole(language):
    found = formats(language)
    assert (found.language, found.money("1.5")) == ("en", "$1.50")
