"""Amounts and quantities as exact numbers: each is added up several times, and most are met again on other bills."""

from collections.abc import Iterable
from decimal import Decimal

MOST_DECIMALS = 50_000
"""Remembered, a few megabytes; a process that met more begins anew."""


class _Decimals(dict[str, Decimal]):
    def __missing__(self, text: str) -> Decimal:
        if len(self) >= MOST_DECIMALS:
            self.clear()
        self[text] = number = Decimal(text)
        return number


_KNOWN = _Decimals()


def decimals(texts: Iterable[str]) -> Iterable[Decimal]:
    """Plain decimals by their texts. decimal.InvalidOperation for others."""
    return map(_KNOWN.__getitem__, texts)
