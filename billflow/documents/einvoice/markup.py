"""XML as text: no tree is built, and elements come out in the order of the calls, as the schemas demand."""

import re
from decimal import Decimal
from xml.sax.saxutils import escape, quoteattr

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even as references."""


def tag(name: str, *children: str, having: str = "") -> str:
    """An element of children that are markup; nothing at all without any, because e-invoices have no empty elements.

    `having` are attributes, as `attribute` writes them.
    """
    content = "".join(children)
    return f"<{name}{having}>{content}</{name}>" if content else ""


def leaf(name: str, value: str | None, *, having: str = "") -> str:
    """An element of text; nothing at all where there is none, or only blanks."""
    return f"<{name}{having}>{text(value)}</{name}>" if value and not value.isspace() else ""


def text(value: str) -> str:
    """Escaped; what XML cannot hold becomes U+FFFD."""
    return escape(_FORBIDDEN.sub("\ufffd", value))


def attribute(name: str, value: str | None) -> str:
    return f" {name}={quoteattr(_FORBIDDEN.sub(chr(0xFFFD), value))}" if value else ""


def amount(number: Decimal) -> str:
    """Money: two decimals."""
    return f"{number:.2f}"
