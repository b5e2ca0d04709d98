import json

import pytest

from billflow.documents.formatting import Formats, formats_of, language_of
from billflow.documents.templates import find_templates

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


TEXTS = ["0", "-0.000", "12.500", "999.9", "1234.5", "-7", "0.120000000000", "1E-3", "1.2E+3", "٣.5", "00.50", "7."]
SHORT = ["0", "007", "12.5", "999.001", "100"]


@pytest.mark.parametrize("locale", [("en", "AU"), ("de", "AT"), ("es", "ES"), ("pl", "PL"), ("ar", "EG"), ("hi", "IN")])
def test_numbers_of_a_column_are_written_as_each_of_them(locale):
    found = formats_of(*locale, "KWD", frozenset({locale[0]}))
    assert found.numbers([*TEXTS, None]) == [*map(found.number, TEXTS), ""]
    assert found.numbers(SHORT) == [*map(found.number, SHORT)]
    assert [found.numbers([text]) for text in TEXTS] == [[found.number(text)] for text in TEXTS]
    assert found.amounts([None, *TEXTS]) == ["", *map(found.amount, TEXTS)]


@pytest.mark.parametrize("text", ["", "x"])
def test_what_is_no_number_of_a_column_is_refused(text):
    with pytest.raises(ValueError, match="not a number"):
        formats().numbers(["1", text])


def test_times_have_their_day_and_the_digits_of_the_language():
    isos = ["2013-01-05 14:30", "2013-01-05", None, "", "2013-01-06 08:00"]
    assert formats().times(isos, gap="|") == ["5 Jan|14:30", "5 Jan", "", "", "6 Jan|08:00"]
    [arabic] = formats_of("ar", "EG", "EGP", frozenset({"ar"})).times(["2013-01-05 14:30"], gap="|")
    assert arabic.endswith("|١٤:٣٠")


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


NATIVE = {
    "en": ("GB", "GBP", "£1,234,567.50", "-£5.00", "19.5%", "15 Feb 2013", "1+–+31 Jan 2013"),
    "de": ("DE", "EUR", "1.234.567,50_€", "-5,00_€", "19,5_%", "15.02.2013", "1.–31. Jan. 2013"),
    "fr": ("FR", "EUR", "1~234~567,50_€", "-5,00_€", "19,5_%", "15 févr. 2013", "1–31 janv. 2013"),
    "es": ("ES", "EUR", "1.234.567,50_€", "-5,00_€", "19,5_%", "15 feb 2013", "1–31 ene 2013"),
    "pl": ("PL", "PLN", "1_234_567,50_zł", "-5,00_zł", "19,5%", "15 lut 2013", "1–31 sty 2013"),
    "ar": ("EG", "EGP", "١٬٢٣٤٬٥٦٧٫٥٠_ج.م.", "-٥٫٠٠_ج.م.", "١٩٫٥٪", "١٥/٠٢/٢٠١٣", "١–٣١ يناير ٢٠١٣"),
    "hi": ("IN", "INR", "₹12,34,567.50", "-₹5.00", "19.5%", "15 फ़र॰ 2013", "1–31 जन॰ 2013"),
    "zh": ("CN", "CNY", "¥1,234,567.50", "-¥5.00", "19.5%", "2013年2月15日", "2013年1月1日+–+31日"),
    "ja": ("JP", "JPY", "￥1,234,567.5", "-￥5", "19.5%", "2013/02/15", "2013年1月1日～31日"),
}
"""Country, currency, money, a debit, a rate, a date, a period. `_` is a no-break space, `~` a narrow one, `+` a thin one."""

MARKS = str.maketrans({"\u00a0": "_", "\u202f": "~", "\u2009": "+", **dict.fromkeys("\u200e\u200f\u061c")})


@pytest.mark.parametrize("language", NATIVE)
def test_every_language_writes_as_its_country_does(language):
    country, currency, *shown = NATIVE[language]
    native = formats_of(language, country, currency, frozenset(NATIVE))
    written = [
        native.money("1234567.5000"),
        native.money("-5.0000"),
        native.percent("0.195"),
        native.date("2013-02-15"),
        native.period("2013-01-01", "2013-02-01"),
    ]
    assert [text.translate(MARKS) for text in written] == shown
    assert native.left_to_right == (language != "ar")


@pytest.mark.parametrize(
    ("country", "number", "clock"),
    [("EG", "١٬٢٣٤٫٥", "١٤:٣٠"), ("SA", "١٬٢٣٤٫٥", "١٤:٣٠"), ("AE", "1,234.5", "14:30"), ("MA", "1.234,5", "14:30")],
)
def test_digits_are_those_of_the_sellers_country(country, number, clock):
    arabic = formats_of("ar", country, "USD", frozenset({"ar"}))
    assert (arabic.number("1234.5"), arabic.in_digits("14:30")) == (number, clock)


def test_marks_keep_an_arabic_amount_in_order():
    egyptian = formats_of("ar", "EG", "EGP", frozenset({"ar"}))
    assert egyptian.money("-5") == "\u200f\u061c-٥٫٠٠\u00a0ج.م.\u200f"


@pytest.mark.parametrize(
    ("language", "count", "shown"),
    [
        ("en", 1, "1 record"),
        ("en", 1488, "1,488 records"),
        ("pl", 1, "1 pozycja"),
        ("pl", 2, "2 pozycje"),
        ("pl", 12, "12 pozycji"),
        ("pl", 22, "22 pozycje"),
        ("ar", 2, "سجلان"),
        ("ar", 3, "3 سجلات"),
        ("ar", 11, "11 سجلاً"),
        ("ar", 100, "100 سجل"),
        ("fr", 0, "0 enregistrement"),
        ("ja", 5, "5件"),
    ],
)
def test_counted(language, count, shown):
    forms = json.loads(find_templates(None).files[f"locales/{language}.json"])["records"]
    assert formats_of(language, "", "EUR", frozenset({language})).counted(forms, count) == shown


def test_counted_takes_a_plain_text_too():
    assert formats().counted("{count} things", 1) == "1 things"


@pytest.mark.parametrize(
    ("identifier", "language"), [("de-AT", "de"), ("zh_Hans_CN", "zh"), ("ja", "ja"), ("klingon", ""), ("", "")]
)
def test_language_of(identifier, language):
    assert language_of(identifier) == language


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
