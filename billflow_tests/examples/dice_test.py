import numpy as np
import pytest

from billflow.examples.dice import Dice


class TestDice:
    def test_the_stream_is_the_one_of_this_seed(self):
        """NumPy promises PCG64's raw stream for a seed; if this fails, all example data changes."""
        assert Dice(7).below(1000, 5).tolist() == [625, 897, 775, 225, 300]

    def test_parts_of_a_seed_differ(self):
        assert Dice(7, 1).below(1000, 5).tolist() != Dice(7, 2).below(1000, 5).tolist()

    @pytest.mark.parametrize("bound", [1, 2, 7, 2**31 - 1])
    def test_below(self, bound):
        thrown = Dice(1).below(bound, 1000)
        assert thrown.min() >= 0
        assert thrown.max() < bound

    def test_below_a_bound_for_each(self):
        bounds = np.array([1, 10, 100])
        assert (Dice(1).below(bounds, 3) < bounds).all()

    def test_weighted(self):
        thrown = np.bincount(Dice(1).weighted((0, 1, 3), 4000))
        assert thrown[0] == 0
        assert thrown[1] == pytest.approx(1000, abs=120)

    def test_pick(self):
        assert set(Dice(1).pick((3, 5), 50).tolist()) == {3, 5}
