"""Axes: where the ticks of exact quantities are, what they say, and how high a quantity stands between them."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor

from billflow.documents.formatting import NO_BREAK_SPACE, Formats

MOST_STEPS = 5
NICE = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))
LONGEST_TICK = 6  # characters; longer ones are written in powers of a thousand
LONGEST_QUANTITY = 12
SIGNIFICANT_DIGITS = 4
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass(frozen=True)
class Scale:
    """Ticks from `low` to `high` steps, zero among them."""

    step: Decimal
    low: int
    high: int

    @property
    def steps(self) -> int:
        return self.high - self.low

    def height(self, quantity: Decimal, plot_height: int) -> int:
        """How far above zero a quantity stands, in units of which the whole plot has `plot_height`."""
        return round(quantity * plot_height / (self.step * self.steps))

    def ticks(self) -> list[Decimal]:
        """From the highest to the lowest."""
        return [self.step * index for index in range(self.high, self.low - 1, -1)]


def exact(text: str) -> Decimal:
    """A plain decimal. Raises ValueError for anything else, infinities and NaN included."""
    try:
        number = Decimal(text)
    except ArithmeticError:
        raise ValueError(f"not a number: {text!r}") from None
    if not number.is_finite():
        raise ValueError(f"not a number: {text!r}")
    return number


def scale_of(quantities: Iterable[Decimal]) -> Scale:
    """The scale from zero, or the least quantity, to the greatest, with a step of 1, 2 or 5 times a power of ten.

    Between them are 5 steps at most, and one more where there are both negative and positive quantities. Nothing but
    zeros stands on a scale from 0 to 1.
    """
    shown = [Decimal(0), *quantities]
    least, greatest = min(shown), max(shown)
    if least == greatest:
        return Scale(Decimal(1), 0, 1)
    step = _nice((greatest - least) / MOST_STEPS)
    return Scale(step, floor(least / step), ceil(greatest / step))


def _nice(least: Decimal) -> Decimal:
    power = Decimal(1).scaleb(least.adjusted())
    return next(factor * power for factor in NICE if factor * power >= least)


def tick_texts(scale: Scale, formats: Formats) -> tuple[list[str], int]:
    """What the ticks say, and the power of ten (a multiple of 3) that they are to be multiplied by."""
    ticks = scale.ticks()
    texts = [formats.number(f"{tick:f}") for tick in ticks]
    if max(map(len, texts)) <= LONGEST_TICK:
        return texts, 0
    exponent = _thousands(max(ticks, key=abs))
    return [formats.number(f"{tick.scaleb(-exponent):f}") for tick in ticks], exponent


def quantity_text(quantity: Decimal, unit: str, formats: Formats) -> str:
    """A quantity with its unit, exact; in four digits and a power of ten where it is too long: `≈ 1.235 × 10⁹ kWh`."""
    number = formats.number(f"{quantity:f}")
    if len(number) > LONGEST_QUANTITY:
        shown = rounded(quantity)
        exponent = _thousands(shown)
        parts = ["" if shown == quantity else "≈", formats.number(f"{shown.scaleb(-exponent):f}")]
        number = " ".join(filter(None, [*parts, f"× {power_of_ten(exponent)}" if exponent else ""]))
    return f"{number} {unit}".rstrip().replace(" ", NO_BREAK_SPACE)


def rounded(quantity: Decimal) -> Decimal:
    """To four significant digits, halves up."""
    last = quantity.adjusted() - SIGNIFICANT_DIGITS + 1
    return (quantity.scaleb(-last)).to_integral_value("ROUND_HALF_UP").scaleb(last) if quantity else quantity


def power_of_ten(exponent: int) -> str:
    return f"10{str(exponent).translate(SUPERSCRIPTS)}" if exponent else ""


def _thousands(quantity: Decimal) -> int:
    return 3 * (quantity.adjusted() // 3)
