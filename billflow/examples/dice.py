"""Dice that fall the same on every machine, for example data that never changes by itself."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


class Dice:
    """Whole random numbers from PCG64's raw 64-bit stream.

    NumPy promises that this stream stays as it is for a seed (NEP 19); it does not promise so for
    `Generator`, and floating point functions differ between machines. So all here is integer arithmetic.
    """

    def __init__(self, *seed: int) -> None:
        self._stream = np.random.PCG64(np.random.SeedSequence(seed))

    def below(self, bound: int | Integers, size: int) -> Integers:
        """`size` numbers from 0 to below `bound` (one bound, or one for each; under 2³¹)."""
        drawn = self._stream.random_raw(size) >> np.uint64(32)
        scaled = (drawn * np.asarray(bound).astype(np.uint64)) >> np.uint64(32)
        return scaled.astype(np.int64)

    def weighted(self, weights: Sequence[int], size: int) -> Integers:
        """`size` positions in `weights`, each as often as its weight says."""
        bounds = np.cumsum(np.asarray(weights, dtype=np.int64))
        return np.searchsorted(bounds, self.below(int(bounds[-1]), size), side="right").astype(np.int64)

    def pick(self, values: Sequence[int], size: int) -> Integers:
        """`size` values, each of `values` as often as it stands there."""
        return np.asarray(values, dtype=np.int64)[self.below(len(values), size)]
