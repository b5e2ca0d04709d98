"""Least and greatest amounts of a period, across the stretches that it is rated in (PRICING §1, §4)."""

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from billflow.catalog.charges import Bounded

Key = tuple[object, ...]


class Bounds:
    """Maxima are of the whole period: what earlier stretches of a key took is no longer there for later ones."""

    def __init__(self, to_minor: Callable[[Fraction], Fraction]) -> None:
        self._to_minor = to_minor
        self._taken: defaultdict[Key, Fraction] = defaultdict(Fraction)

    def adjustments(self, key: Key, bounded: Bounded, net: Fraction, share: Fraction) -> tuple[Fraction, Fraction]:
        """(what is above the maximum, negative; what is missing to the minimum for this share of the period)."""
        room = None if bounded.maximum is None else self._room(key, bounded.maximum)
        above = Fraction(0) if room is None else max(Fraction(0), net - room)
        missing = self._missing(bounded, net - above, share, room)
        self._taken[key] += net - above + missing
        return -above, missing

    def _room(self, key: Key, maximum: Decimal) -> Fraction:
        return max(Fraction(0), self._to_minor(Fraction(maximum)) - self._taken[key])

    def _missing(self, bounded: Bounded, net: Fraction, share: Fraction, room: Fraction | None) -> Fraction:
        if bounded.minimum is None:
            return Fraction(0)
        target = self._to_minor(Fraction(bounded.minimum) * share)
        return max(Fraction(0), (target if room is None else min(target, room)) - net)


class Allotment:
    """Fixed amounts off a period: each stretch of a key gives what earlier ones have left of it."""

    def __init__(self) -> None:
        self._given: defaultdict[Key, Fraction] = defaultdict(Fraction)

    def give(self, key: Key, amount: Fraction, net: Fraction) -> Fraction:
        """How much of `amount` comes off `net`, which never falls below 0."""
        given = max(Fraction(0), min(net, amount - self._given[key]))
        self._given[key] += given
        return given
