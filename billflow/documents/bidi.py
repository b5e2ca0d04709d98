"""Numbers and Latin names inside right-to-left text: kept in one piece, and read from the left.

The bidirectional algorithm (Unicode Standard Annex 9) orders the parts of a line by the letters in it. It cannot know
that `+61 2 9123` is one number, and would print its groups from the right. Isolates (U+2066 … U+2069) tell it.
Dates and amounts come from CLDR with marks of their own, and are left as they are.
"""

import re
from typing import Any

LEFT_TO_RIGHT_ISOLATE, POP_ISOLATE = "\u2066", "\u2069"

RTL = "\u0590-\u08ff\u200f\u061c\ufb1d-\ufdff\ufe70-\ufefc"
RIGHT_TO_LEFT = re.compile(f"[{RTL}]")
LETTER_OR_DIGIT = re.compile(r"[^\W_]")
# From a letter or digit (with its sign) to the last one before right-to-left text, the dash of a range of dates, or the
# dot between things that have nothing to do with each other, as in the imprint.
FOREIGN = re.compile(rf"\u200e?[-+(]?[^\W_{RTL}](?:[^\n\u2013\u00b7{RTL}]*[^\W_{RTL}]\)?)?")


def isolated(value: Any) -> Any:
    """Every line of every text in `value` (texts, lists and dicts of them), with isolates where it needs them."""
    if isinstance(value, str):
        return "\n".join(map(_isolated_line, value.split("\n")))
    if isinstance(value, dict):
        return {key: isolated(part) for key, part in value.items()}
    return [isolated(part) for part in value] if isinstance(value, list) else value


def _isolated_line(line: str) -> str:
    if not LETTER_OR_DIGIT.search(line):
        return line
    if not RIGHT_TO_LEFT.search(line):
        return f"{LEFT_TO_RIGHT_ISOLATE}{line}{POP_ISOLATE}"
    return FOREIGN.sub(rf"{LEFT_TO_RIGHT_ISOLATE}\g<0>{POP_ISOLATE}", line)
