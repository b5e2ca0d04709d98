"""How verbs write to the terminal, and to files and pipes."""

import sys
from decimal import Decimal

from rich.console import Console

_WIDE = 100_000
"""Columns of an output that is no terminal: nothing is cut there."""


def open_output(*, stderr: bool = False) -> Console:
    """Standard output (or error), for tables and texts."""
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(highlight=False, stderr=stderr, width=None if terminal else _WIDE)


def plain(number: Decimal) -> str:
    """A number without the zeros that its column's type gives it."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
