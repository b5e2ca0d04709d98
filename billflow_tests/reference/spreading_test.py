"""Amounts spread by weight, the last cents to the largest remainders (PRICING §3)."""

from fractions import Fraction

import pytest

from billflow.reference.spreading import spread


@pytest.mark.parametrize(
    ("amount", "weights", "digits", "parts"),
    [
        ("10.00", ["1", "1", "1"], 2, ["3.34", "3.33", "3.33"]),
        ("0.05", ["10", "10"], 2, ["0.03", "0.02"]),
        # -333 1/3 thrice: floors of -334, the two cents left over go to the first two
        ("-10.00", ["1", "1", "1"], 2, ["-3.33", "-3.33", "-3.34"]),
        ("1.00", ["1", "2"], 2, ["0.33", "0.67"]),
        ("35.00", ["50", "100"], 2, ["11.67", "23.33"]),
        ("-50.00", ["90", "60"], 2, ["-30.00", "-20.00"]),
        ("1.00", ["3", "-1"], 2, ["1.50", "-0.50"]),
        ("1.00", ["-3", "1"], 2, ["1.50", "-0.50"]),
        ("1.00", ["-1", "-2"], 2, ["0.33", "0.67"]),
        ("1.00", ["5", "-5"], 2, ["1.00", "0"]),
        ("1.00", ["0", "0"], 2, ["1.00", "0"]),
        ("1.00", ["0", "7"], 2, ["0", "1.00"]),
        ("100", ["1", "1", "1"], 0, ["34", "33", "33"]),
        ("0.001", ["1", "3"], 3, ["0", "0.001"]),
        ("0", ["1", "3"], 2, ["0", "0"]),
    ],
)
def test_spread(amount, weights, digits, parts):
    assert spread(Fraction(amount), [Fraction(one) for one in weights], digits) == [Fraction(one) for one in parts]
