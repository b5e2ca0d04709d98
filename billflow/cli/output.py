"""How verbs write to the terminal, and to files and pipes."""

import sys
from decimal import Decimal

from rich.console import Console

_WIDE = 100_000
"""Columns of an output that is no terminal: nothing is cut there."""


def open_output() -> Console:
    """Standard output, for tables and texts."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)


def plain(number: Decimal) -> str:
    """A number without the zeros that its column's type gives it."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
