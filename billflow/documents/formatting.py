"""Numbers, money and dates as a customer reads them: exact decimals in, text of one language out.

Decimals arrive as plain strings and are never parsed into floats nor rounded: paper shows what was billed.
All forms are those of CLDR (Babel's data) for the language as the seller's country writes it: medium dates, standard
currency patterns, and the default digits of that locale, so that Arabic has Arabic-Indic digits from a seller in Egypt
and European ones from one in Morocco. What identifies (numbers of invoices, accounts, phones) keeps its digits.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
from babel.plural import PluralRule

NO_BREAK_SPACE = "\u00a0"
EUROPEAN, EUROPEAN_DIGITS = "latn", "0123456789"
ZEROS = {"arab": "٠", "arabext": "۰", "deva": "०", "beng": "০", "mymr": "၀"}
"""The zero of those numbering systems of CLDR that are a language's default; nine digits follow it in Unicode."""
_SHORT = re.compile(r"(?:\d{1,3}(?:\.\d*[1-9])?\n)*", re.ASCII)  # not possessive: so Python 3.11.2 matches too much
"""Lines of numbers that need no groups and have no zeros too many: only their points are to be written otherwise."""
_THOUSANDS = (3, 3)
MOST_COUNTS = 1_000  # whose plural categories are remembered
_DAY = 10
"""Characters of an ISO date."""


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
    digits: str
    grouping: tuple[int, int]
    money_affixes: tuple[str, str]
    debit_affixes: tuple[str, str]
    percent_affixes: tuple[str, str]
    _days: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    _plurals: dict[int, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def left_to_right(self) -> bool:
        return bool(self.locale.text_direction == "ltr")

    def number(self, text: str, *, least_digits: int = 0) -> str:
        """A plain decimal string without trailing zeros, but with at least `least_digits` after the point."""
        [shown] = self._numbers([text], least_digits)
        return shown

    def numbers(self, texts: Sequence[str | None]) -> list[str]:
        """Each as a number; nothing where there is none."""
        known = [text for text in texts if text is not None]
        if len(known) < len(texts) or self.digits != EUROPEAN_DIGITS or not _SHORT.fullmatch("\n".join([*known, ""])):
            return self._numbers(texts, 0)
        point = self.decimal_symbol
        return known if point == "." else [text.replace(".", point) for text in known]

    def amounts(self, texts: Sequence[str | None]) -> list[str]:
        """Each as an amount; nothing where there is none."""
        return self._numbers(texts, self.minor_digits)

    def _numbers(self, texts: Sequence[str | None], least_digits: int) -> list[str]:
        """As `number` writes them; the many that are short and positive in few steps."""
        point, most, shown = self.decimal_symbol, self.grouping[0], []
        for text in texts:
            whole, _, digits = text.partition(".") if text is not None else ("", "", "")
            fraction = digits.rstrip("0")
            if not (whole.isdecimal() and (digits.isdecimal() or not digits)):
                shown.append("" if text is None else self._signed(text, least_digits))
            elif len(whole) > most or len(fraction) < least_digits:
                shown.append(self._unsigned(whole, fraction, least_digits))
            else:
                shown.append(f"{whole}{point}{fraction}" if fraction else whole)
        return shown if self.digits == EUROPEAN_DIGITS else list(map(self.in_digits, shown))

    def _unsigned(self, whole: str, fraction: str, least_digits: int) -> str:
        if len(whole) > self.grouping[0]:
            whole = self._grouped(whole)
        fraction = fraction.ljust(least_digits, "0")
        return f"{whole}{self.decimal_symbol}{fraction}" if fraction else whole

    def _signed(self, text: str, least_digits: int) -> str:
        whole, _, fraction = _plain(text).lstrip("-").partition(".")
        shown = self._unsigned(whole, fraction.rstrip("0"), least_digits)
        return self.minus + shown if text[0] == "-" and (whole + fraction).strip("0") else shown

    def amount(self, text: str) -> str:
        """Money or a unit price without the currency: never fewer digits than the currency's minor unit."""
        return self.number(text, least_digits=self.minor_digits)

    def money(self, text: str) -> str:
        """An amount with the currency's symbol, or its code where the language has no symbol."""
        amount = self.amount(text)
        before, after = self.debit_affixes if amount.startswith(self.minus) else self.money_affixes
        return f"{before}{amount.removeprefix(self.minus)}{after}"

    def percent(self, rate: str) -> str:
        """A tax rate, a fraction: `0.1000` is `10%`."""
        before, after = self.percent_affixes
        return f"{before}{self.number(f'{Decimal(rate).scaleb(2):f}')}{after}"

    def counted(self, label: str | Mapping[str, str], count: int) -> str:
        """A label about a count: one text, or one for each plural category of the language (CLDR), `other` at least."""
        form = label if isinstance(label, str) else label.get(self._plural(count), label["other"])
        return form.replace("{count}", self.number(str(count)))

    def _plural(self, count: int) -> str:
        if count not in self._plurals:
            if len(self._plurals) >= MOST_COUNTS:
                self._plurals.clear()
            self._plurals[count] = str(_plural_rule(self.locale)(count))
        return self._plurals[count]

    def date(self, iso: str) -> str:
        """An ISO date in the language's medium form: `5 Jan 2013`."""
        return self.in_digits(_date(iso, self.locale))

    def day(self, iso: str) -> str:
        """An ISO date without its year, for the many rows of a period: `5 Jan`."""
        if iso not in self._days:
            self._days[iso] = self.in_digits(_day(iso, self.locale))
        return self._days[iso]

    def times(self, isos: Sequence[str | None], *, gap: str) -> list[str]:
        """Each day as `day` writes it, with the time of day behind a `gap` where there is one."""
        begun = _Begun(self, gap)
        times = [
            (begun[iso[:_DAY]] + iso[_DAY + 1 :] if len(iso) > _DAY else self.day(iso)) if iso else "" for iso in isos
        ]
        return times if self.digits == EUROPEAN_DIGITS else [self.in_digits(time) for time in times]

    def months(self, isos: Iterable[str], *, width: Literal["abbreviated", "narrow"]) -> list[str]:
        """The names of ISO months (`2013-01`) without their years: `Jan`, or `J` where room is short."""
        names = self.locale.months["stand-alone"][width]
        return [names[int(iso[5:])] for iso in isos]

    def period(self, start: str, end: str) -> str:
        """The days from `start` up to the last one before `end` (exclusive), both ISO dates."""
        return self.in_digits(_period(start, end, self.locale))

    def in_digits(self, text: str) -> str:
        """A time of day or a count, in the digits of the language."""
        return text if self.digits == EUROPEAN_DIGITS else text.translate(_digits_table(self.digits))

    def _grouped(self, whole: str) -> str:
        if self.grouping == _THOUSANDS and whole[0] != "0" and whole.isdecimal() and whole.isascii():
            return f"{int(whole):,}".replace(",", self.group_symbol)
        last, rest = whole[-self.grouping[0] :], whole[: -self.grouping[0]]
        parts = [last]
        while rest:
            parts.append(rest[-self.grouping[1] :])
            rest = rest[: -self.grouping[1]]
        return self.group_symbol.join(reversed(parts))


class _Begun(dict[str, str]):
    """ISO days as times begin with them."""

    def __init__(self, formats: Formats, gap: str) -> None:
        super().__init__()
        self._formats, self._gap = formats, gap

    def __missing__(self, iso: str) -> str:
        self[iso] = begun = self._formats.day(iso) + self._gap
        return begun


@lru_cache(maxsize=256)
def formats_of(language: str, country: str, currency: str, languages: frozenset[str]) -> Formats:
    """The formats of an invoice in `language`, written by a seller in `country`.

    `languages` are those with labels; any other language falls back to English as a whole, so that no bill mixes two.
    """
    locale = _locale_of(language, country, languages)
    numbering = _numbering(locale)
    minus = get_minus_sign_symbol(locale, numbering_system=numbering)
    money, debit = (_money_affixes(locale, currency, minus, sign=sign) for sign in (0, 1))
    return Formats(
        language=locale.language,
        locale=locale,
        currency=currency,
        minor_digits=get_currency_precision(currency),
        decimal_symbol=get_decimal_symbol(locale, numbering_system=numbering),
        group_symbol=get_group_symbol(locale, numbering_system=numbering),
        minus=minus,
        digits=_digits(numbering),
        grouping=locale.decimal_formats[None].grouping,
        money_affixes=money,
        debit_affixes=debit,
        percent_affixes=_percent_affixes(locale, numbering),
    )


def language_of(identifier: str) -> str:
    """The language of a locale's name (`de_AT`, `zh-Hans-CN`); empty when it is none."""
    locale = _known_locale(identifier.replace("-", "_"))
    return locale.language if locale else ""


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


def _numbering(locale: Locale) -> str:
    """CLDR's default numbering system, if its digits and symbols are known."""
    system = str(locale.default_numbering_system)
    return system if system in ZEROS and system in locale.number_symbols else EUROPEAN


def _digits(numbering: str) -> str:
    zero = ord(ZEROS.get(numbering, "0"))
    return "".join(chr(zero + digit) for digit in range(10))


@lru_cache(maxsize=64)
def _plural_rule(locale: Locale) -> PluralRule:
    return locale.plural_form  # parsed anew at each access


@lru_cache
def _digits_table(digits: str) -> dict[int, int]:
    return str.maketrans(EUROPEAN_DIGITS, digits)


def _money_affixes(locale: Locale, currency: str, minus: str, *, sign: int) -> tuple[str, str]:
    """What stands before and after an amount; `sign` is 0, or 1 for an amount below zero."""
    pattern = locale.currency_formats["standard"]
    symbol = get_currency_symbol(currency, locale)
    prefix, suffix = (
        affix[sign].replace("-", minus).replace("¤", symbol) for affix in (pattern.prefix, pattern.suffix)
    )
    return (prefix + NO_BREAK_SPACE if prefix[-1:].isalpha() else prefix), suffix


def _percent_affixes(locale: Locale, numbering: str) -> tuple[str, str]:
    pattern, percent = locale.percent_formats[None], locale.number_symbols[numbering]["percentSign"]
    return pattern.prefix[0].replace("%", percent), pattern.suffix[0].replace("%", percent)


def _plain(text: str) -> str:
    if (text[:1].isdigit() or text.lstrip("-")[:1].isdigit()) and "E" not in text:
        return text
    try:
        return f"{Decimal(text):f}"
    except InvalidOperation:
        raise ValueError(f"not a number: {text!r}") from None


@lru_cache(maxsize=4096)
def _date(iso: str, locale: Locale) -> str:
    return format_date(dt.date.fromisoformat(iso), "medium", locale)


def _day(iso: str, locale: Locale) -> str:
    return format_skeleton("MMMd", dt.date.fromisoformat(iso), locale=locale)


@lru_cache(maxsize=4096)
def _period(start: str, end: str, locale: Locale) -> str:
    first, last = dt.date.fromisoformat(start), dt.date.fromisoformat(end) - dt.timedelta(days=1)
    return format_interval(first, max(first, last), "yMMMd", locale=locale)
