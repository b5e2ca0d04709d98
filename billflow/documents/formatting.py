"""Numbers, money and dates as a customer reads them: exact decimals in, text of one language out.

Decimals arrive as plain strings and are never parsed into floats nor rounded: paper shows what was billed.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_interval, format_skeleton
from babel.languages import get_official_languages
from babel.numbers import (
    get_currency_precision,
    get_currency_symbol,
    get_decimal_symbol,
    get_group_symbol,
    get_minus_sign_symbol,
)

NO_BREAK_SPACE = "\u00a0"


@dataclass(frozen=True)
class Formats:
    """How one language writes the numbers, dates and the one currency of an invoice.

    `language` is the key of the labels (`de`), `locale` the regional variant that formats (`de_AT`).
    """

    language: str
    locale: Locale
    currency: str
    minor_digits: int
    decimal_symbol: str
    group_symbol: str
    minus: str
    grouping: tuple[int, int]
    money_prefix: str
    money_suffix: str

    def number(self, text: str, *, least_digits: int = 0) -> str:
        """A plain decimal string without trailing zeros, but with at least `least_digits` after the point."""
        whole, _, fraction = _plain(text).lstrip("-").partition(".")
        fraction = fraction.rstrip("0").ljust(least_digits, "0")
        sign = self.minus if text.startswith("-") and (whole.strip("0") or fraction.strip("0")) else ""
        grouped = self._grouped(whole) if len(whole) > self.grouping[0] else whole
        return f"{sign}{grouped}{self.decimal_symbol}{fraction}" if fraction else sign + grouped

    def amount(self, text: str) -> str:
        """Money or a unit price without the currency: never fewer digits than the currency's minor unit."""
        return self.number(text, least_digits=self.minor_digits)

    def money(self, text: str) -> str:
        """An amount with the currency's symbol, or its code where the language has no symbol."""
        amount = self.amount(text)
        sign = self.minus if amount.startswith(self.minus) else ""
        return f"{sign}{self.money_prefix}{amount.removeprefix(sign)}{self.money_suffix}"

    def percent(self, rate: str) -> str:
        """A tax rate, a fraction: `0.1000` is `10 %`."""
        return f"{self.number(f'{Decimal(rate).scaleb(2):f}')} %"

    def date(self, iso: str) -> str:
        """An ISO date in the language's medium form: `5 Jan 2013`."""
        return _date(iso, self.locale)

    def day(self, iso: str) -> str:
        """An ISO date without its year, for the many rows of a period: `5 Jan`."""
        return _day(iso, self.locale)

    def months(self, isos: Iterable[str], *, width: Literal["abbreviated", "narrow"]) -> list[str]:
        """The names of ISO months (`2013-01`) without their years: `Jan`, or `J` where room is short."""
        names = self.locale.months["stand-alone"][width]
        return [names[int(iso[5:])] for iso in isos]

    def period(self, start: str, end: str) -> str:
        """The days from `start` up to the last one before `end` (exclusive), both ISO dates."""
        return _period(start, end, self.locale)

    def _grouped(self, whole: str) -> str:
        last, rest = whole[-self.grouping[0] :], whole[: -self.grouping[0]]
        parts = [last]
        while rest:
            parts.append(rest[-self.grouping[1] :])
            rest = rest[: -self.grouping[1]]
        return self.group_symbol.join(reversed(parts))


@lru_cache(maxsize=256)
def formats_of(language: str, country: str, currency: str, languages: frozenset[str]) -> Formats:
    """The formats of an invoice in `language`, written by a seller in `country`.

    `languages` are those with labels; any other language falls back to English as a whole, so that no bill mixes two.
    """
    locale = _locale_of(language, country, languages)
    prefix, suffix = _money_affixes(locale, currency)
    return Formats(
        language=locale.language,
        locale=locale,
        currency=currency,
        minor_digits=get_currency_precision(currency),
        decimal_symbol=get_decimal_symbol(locale),
        group_symbol=get_group_symbol(locale),
        minus=get_minus_sign_symbol(locale),
        grouping=locale.decimal_formats[None].grouping,
        money_prefix=prefix,
        money_suffix=suffix,
    )


def _locale_of(language: str, country: str, languages: frozenset[str]) -> Locale:
    locale = _known_locale(language.replace("-", "_"))
    if locale is None or locale.language not in languages:
        locale = Locale("en")
    return locale if locale.territory else _regional(locale.language, country)


def _regional(language: str, country: str) -> Locale:
    """A seller's country decides how its own language is written; English from elsewhere is international."""
    if language in get_official_languages(country.upper(), de_facto=True):
        return _known_locale(f"{language}_{country.upper()}") or Locale(language)
    return Locale("en", "001") if language == "en" else Locale(language)


def _known_locale(identifier: str) -> Locale | None:
    try:
        return Locale.parse(identifier)
    except (UnknownLocaleError, ValueError):
        return None


def _money_affixes(locale: Locale, currency: str) -> tuple[str, str]:
    pattern = locale.currency_formats["standard"]
    symbol = get_currency_symbol(currency, locale)
    prefix = pattern.prefix[0].replace("¤", symbol)
    suffix = pattern.suffix[0].replace("¤", symbol)
    return (prefix + NO_BREAK_SPACE if prefix[-1:].isalpha() else prefix), suffix


def _plain(text: str) -> str:
    if text.lstrip("-")[:1].isdigit() and "E" not in text:
        return text
    try:
        return f"{Decimal(text):f}"
    except InvalidOperation:
        raise ValueError(f"not a number: {text!r}") from None


@lru_cache(maxsize=4096)
def _date(iso: str, locale: Locale) -> str:
    return format_date(dt.date.fromisoformat(iso), "medium", locale)


@lru_cache(maxsize=4096)
def _day(iso: str, locale: Locale) -> str:
    return format_skeleton("MMMd", dt.date.fromisoformat(iso), locale=locale)


@lru_cache(maxsize=4096)
def _period(start: str, end: str, locale: Locale) -> str:
    first, last = dt.date.fromisoformat(start), dt.date.fromisoformat(end) - dt.timedelta(days=1)
    return format_interval(first, max(first, last), "yMMMd", locale=locale)
