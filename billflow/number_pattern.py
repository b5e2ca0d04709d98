"""Patterns of legal numbers, such as `INV-{year}-{seq:08d}`, taken apart so that Spark and SQL can apply them."""

import re
from dataclasses import dataclass
from string import Formatter

_PADDED = re.compile(r"(?:0([1-9]|1[0-8]))?d?")
"""`{seq}`, `{seq:d}`, `{seq:08d}`: what is shorter than so many digits begins with zeros."""


@dataclass(frozen=True)
class Year:
    """The year of the issue date, in four digits."""


@dataclass(frozen=True)
class Sequence:
    """The number in its series, with zeros in front up to so many digits; a longer one is not cut."""

    digits: int


Part = str | Year | Sequence


@dataclass(frozen=True)
class NumberPattern:
    """Text, one year and one sequence, in any order."""

    parts: tuple[Part, ...]

    @classmethod
    def of(cls, pattern: str) -> "NumberPattern":
        """From how billflow.yaml writes it. ValueError says what is wrong with it; what would be right follows `;`."""
        parts = tuple(_parts(pattern))
        for kind, name in ((Sequence, "seq"), (Year, "year")):
            found = sum(isinstance(part, kind) for part in parts)
            if found > 1:
                raise ValueError(f"{{{name}}} is there more than once; write it once")
            if not found:
                raise ValueError(f"numbers would repeat; add {{{name}}} to the pattern")
        return cls(parts)

    def number(self, year: int, sequence: int) -> str:
        """The number as it is printed."""
        return "".join(_shown(part, year, sequence) for part in self.parts)


def _parts(pattern: str) -> list[Part]:
    try:
        fields = list(Formatter().parse(pattern))
    except ValueError:
        raise _no_pattern() from None
    parts: list[Part] = []
    for text, name, padding, conversion in fields:
        parts += [text] if text else []
        if name is not None:
            parts.append(_field(name, padding or "", conversion))
    return parts


def _field(name: str, padding: str, conversion: str | None) -> Year | Sequence:
    padded = _PADDED.fullmatch(padding)
    if name == "year" and not padding and not conversion:
        return Year()
    if name != "seq" or conversion or not padded:
        raise _no_pattern()
    return Sequence(int(padded[1] or 1))


def _no_pattern() -> ValueError:
    return ValueError("not a pattern of {year} and {seq}; write e.g. INV-{year}-{seq:08d}")


def _shown(part: Part, year: int, sequence: int) -> str:
    if isinstance(part, str):
        return part
    return f"{year:04d}" if isinstance(part, Year) else f"{sequence:0{part.digits}d}"
