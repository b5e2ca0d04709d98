"""Texts that stand for something known: time zones, currencies, languages, countries, months."""

from datetime import date
from string import Formatter
from typing import Annotated
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.numbers import list_currencies
from pydantic import AfterValidator

PAYMENT_URL_NAMES = ("invoice_id", "reference", "amount", "currency")
"""What a payment page's address may ask for, in braces."""

_NO_COUNTRIES = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}
"""Codes of two letters that Unicode's list of territories adds to ISO 3166."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("unknown time zone; write a name of the IANA database, such as Europe/Berlin") from None
    return name


def _currency(code: str) -> str:
    if code not in list_currencies():
        raise ValueError("not a currency of ISO 4217; write its code of three letters, such as EUR")
    return code


def _language(code: str) -> str:
    try:
        Locale.parse(code, sep="-" if "-" in code else "_")
    except (UnknownLocaleError, ValueError):
        raise ValueError("unknown language; write a code such as en or de-CH") from None
    return code


def _month(text: str) -> str:
    try:
        date.fromisoformat(f"{text}-01")
    except ValueError:
        raise ValueError("not a month; write it as 2012-01") from None
    return text


def _country(code: str) -> str:
    if len(code) != 2 or not code.isalpha() or code not in Locale("en").territories or code in _NO_COUNTRIES:
        raise ValueError("not a country of ISO 3166; write its code of two letters, such as AU")
    return code


def _payment_url(url: str) -> str:
    try:
        names = [name for _, name, _, _ in Formatter().parse(url) if name is not None]
    except ValueError:
        names = [""]
    unknown = [name for name in names if name not in PAYMENT_URL_NAMES]
    if unknown or not url.startswith(("https://", "http://")):
        known = ", ".join(f"{{{name}}}" for name in PAYMENT_URL_NAMES)
        raise ValueError(f"not the address of a payment page; write one that begins with https://, and in it {known}")
    return url


Zone = Annotated[str, AfterValidator(_zone)]
Currency = Annotated[str, AfterValidator(_currency)]
Language = Annotated[str, AfterValidator(_language)]
Month = Annotated[str, AfterValidator(_month)]
Country = Annotated[str, AfterValidator(_country)]
PaymentUrl = Annotated[str, AfterValidator(_payment_url)]
