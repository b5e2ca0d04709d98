"""Values as messages show them: short, and without passwords."""

import re
from decimal import Decimal
from typing import Any

_SHOWN_CHARACTERS = 60
_PASSWORD = re.compile(r"([\w.%+-]*:)(?!//)[^\s'\"]*@|(://[^\s:@/'\"]*:)[^\n'\"]*@")
"""With spaces in it only where it is plain that a url is meant."""
HIDDEN_OPTION = (
    r"(?i:pass(?:word|code|phrase)|pwd|token|secret\w*|credential\w*|(?:access|account|api|private|pvt)_?key\w*)\s*="
)
"""How an option of a url ends whose value is nobody's business, with its `=`."""
_OPTION = re.compile(rf"([?&][\w.-]*{HIDDEN_OPTION})[^&\s'\"]+|([;:,]\s*[\w.-]*{HIDDEN_OPTION})[^\n'\"]+")
"""The second: as urls of JDBC have it."""


def without_passwords(text: str) -> str:
    """A text in which what stands between `user:` and `@host`, or behind `password=` and the like, is not shown."""
    return _OPTION.sub(r"\1\2…", _PASSWORD.sub(r"\1\2…@", text))


def shown(value: Any) -> str:
    """A value as a mistake prints it: short ones whole, of a long list or mapping only its size. No url's password."""
    text = str(value) if isinstance(value, Decimal) else without_passwords(repr(value))
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    if isinstance(value, dict):
        return f"a mapping of {len(value)} keys"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return f"{text[:_SHOWN_CHARACTERS]}…"
