"""Rectangles on a page, in points from its upper left corner."""

from collections.abc import Iterable
from typing import NamedTuple


class Box(NamedTuple):
    """`top` is less than `bottom`: y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def area(self) -> float:
        return max(self.width, 0.0) * max(self.height, 0.0)

    def within(self, other: "Box") -> "Box":
        """The part that is in another one, perhaps of no area."""
        return Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def meets(self, other: "Box") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def overlap(self, other: "Box") -> float:
        """The area that both share, as a share of the smaller one."""
        smaller = min(self.area, other.area)
        return self.within(other).area / smaller if smaller else 0.0

    def reaches(self, other: "Box") -> float:
        """How far this one lies beyond the edges of another, in points; negative: that much within them."""
        return max(other.left - self.left, other.top - self.top, self.right - other.right, self.bottom - other.bottom)


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box around some; ValueError for none."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))
