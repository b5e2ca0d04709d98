"""The lines (phone subscriptions) of the telecom example: whose, on which tariff, and from when to when."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from billflow.examples.dice import Dice, Integers

Days = npt.NDArray[np.datetime64]

PLANS = ("freestyle", "flex-s", "flex-m", "flex-l", "business")
BUSINESS = PLANS.index("business")
PRIVATE_WEIGHTS = (15, 30, 35, 20)
LINES_A_CUSTOMER = (82, 14, 4)  # of a hundred: one, two, three
NEVER = np.datetime64("NaT", "D")

# What happens to lines that are not there all month: every 25th each, so that twenty customers show it all.
EVERY = 25
BEGAN, ENDED, CHANGED = 7, 13, 19
EVERY_LEFT, LEFT = 200, 101  # ended before the month: nothing to bill


@dataclass(frozen=True)
class Month:
    """A calendar month by its first day and the first day of the next."""

    start: np.datetime64
    end: np.datetime64

    @classmethod
    def of(cls, day: date) -> "Month":
        """The month that `day` is in."""
        first = np.datetime64(day.replace(day=1), "D")
        return cls(first, first + monthrange(day.year, day.month)[1])

    @property
    def days(self) -> int:
        """28 to 31."""
        return int((self.end - self.start).astype(int))

    def __str__(self) -> str:
        return str(self.start)[:7]


@dataclass(frozen=True)
class Lines:
    """The lines of one part of the customers; the arrays are as long as there are lines.

    `changed` is the first day on `next_plan`, `end` the first day not served; both are NaT for most.
    """

    part: int
    customers: range
    number: Integers
    customer: Integers
    plan: Integers
    next_plan: Integers
    start: Days
    changed: Days
    end: Days

    @property
    def business(self) -> npt.NDArray[np.bool_]:
        """Which of them are business lines."""
        return np.equal(self.plan, BUSINESS)


def draw_lines(customers: range, first_line: int, month: Month, dice: Dice, part: int) -> Lines:
    """One to three lines for each of `customers`, numbered from `first_line`."""
    several = dice.weighted(LINES_A_CUSTOMER, len(customers)) + 1
    owner = np.repeat(np.arange(customers.start, customers.stop), several)
    number = first_line + np.arange(len(owner))
    plan = np.where(is_business(owner), BUSINESS, dice.weighted(PRIVATE_WEIGHTS, len(owner)))
    changes = (number % EVERY == CHANGED) & (plan != BUSINESS)
    return Lines(
        part=part,
        customers=customers,
        number=number,
        customer=owner,
        plan=plan,
        next_plan=(plan + 1 + dice.below(BUSINESS - 1, len(owner))) % BUSINESS,
        start=_starts(number, month, dice),
        changed=np.where(changes, month.start + 5 + dice.below(18, len(owner)), NEVER),
        end=_ends(number, month, dice),
    )


def is_business(customer: Integers) -> npt.NDArray[np.bool_]:
    """Every twelfth customer is a business."""
    return np.equal(customer % 12, 5)


def _starts(number: Integers, month: Month, dice: Dice) -> Days:
    """Some weeks to some years before the month, or within it."""
    long_ago = month.start - 40 - dice.below(2300, len(number))
    within = month.start + 2 + dice.below(25, len(number))
    return np.where(number % EVERY == BEGAN, within, long_ago)


def _ends(number: Integers, month: Month, dice: Dice) -> Days:
    within = month.start + 3 + dice.below(22, len(number))
    before = month.start - dice.below(20, len(number))
    ended = np.where(number % EVERY == ENDED, within, NEVER)
    return np.where(number % EVERY_LEFT == LEFT, before, ended)
