"""What two customers may have in common, and how much it says about whether they are one.

A comparison is a list of levels, best first: how well an attribute agrees, in SQL over the columns of `normalised` as
`…_l` and `…_r`; the share of true pairs (m) and of pairs of strangers (u) that agree so. These are experts' figures,
checked on Febrl's data sets 1 to 3, and no estimates from the base at hand: some dozen customers would not carry any,
and a probability should not change because customers were added. Only the frequency of a value comes from the base.

People at one address are no strangers: u of a name in part is that of a household, so that it speaks neither way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Level:
    """One way to agree; the frequency of a value of the column `frequency` takes the place of u where it is higher."""

    name: str
    condition: str
    m: float
    u: float
    frequency: str | None = None
    wording: str = ""

    @property
    def says(self) -> str:
        return self.wording or self.name

    def settings(self) -> dict[str, Any]:
        """The level as Splink takes it."""
        chances = {"sql_condition": self.condition, "m_probability": self.m, "u_probability": self.u}
        if self.frequency is None:
            return chances
        rarest = {"tf_adjustment_column": self.frequency, "tf_minimum_u_value": self.u}
        return {**chances, **rarest, "disable_tf_exact_match_detection": True}


@dataclass(frozen=True)
class Comparison:
    """An attribute, or some that depend on each other, compared where `given` holds."""

    attribute: str
    given: str
    levels: Sequence[Level]

    def level(self, name: str) -> int:
        """The number that Splink gives to a level: the last is 0."""
        return len(self.levels) - 1 - [level.name for level in self.levels].index(name)

    def settings(self) -> dict[str, Any]:
        """The comparison as Splink takes it."""
        not_given = {"sql_condition": f"NOT coalesce({self.given}, false)", "is_null_level": True}
        levels = [not_given, *(level.settings() for level in self.levels)]
        return {"output_column_name": self.attribute, "comparison_levels": levels}


def _both(*columns: str) -> str:
    return " AND ".join(f"{column}_l IS NOT NULL AND {column}_r IS NOT NULL" for column in columns)


def _alike(column: str, share: float) -> str:
    """At most so many letters in a hundred are to be changed."""
    left, right = f"{column}_l", f"{column}_r"
    return f"levenshtein({left}, {right}) <= {share} * greatest(length({left}), length({right}))"


def _typo(column: str) -> str:
    """One character too many, too few or another, or two that changed places."""
    left, right = f"{column}_l", f"{column}_r"
    changed = f"levenshtein({left}, {right})"
    same_characters = f"array_sort(split({left}, '')) = array_sort(split({right}, ''))"
    return f"({changed} <= 1 OR ({changed} = 2 AND {same_characters}))"


_CLOSE = "(jaro_winkler_similarity(x, y) >= 0.88 OR (least(length(x), length(y)) >= 5 AND levenshtein(x, y) <= 1))"
_INITIAL = "((length(x) = 1 AND startswith(y, x)) OR (length(y) = 1 AND startswith(x, y)))"


def _all_found(words: str, other: str, close: str = _CLOSE) -> str:
    return f"forall({words}, x -> exists({other}, y -> {close}))"


_SAME_WORDS = "(name_key_l = name_key_r OR name_joined_l = name_joined_r)"
_ALL_L, _ALL_R = _all_found("words_l", "words_r"), _all_found("words_r", "words_l")
_OTHERWISE_SPLIT = f"(size(words_l) <> size(words_r) AND {_alike('name_joined', 0.15)})"
_MORE_THAN_ONE = "least(size(words_l), size(words_r)) >= 2"
_SOME = f"exists(words_l, x -> length(x) > 1 AND exists(words_r, y -> {_CLOSE}))"
_OR_INITIAL = f"({_CLOSE} OR {_INITIAL})"
_INITIALS = (
    f"{_all_found('words_l', 'words_r', _OR_INITIAL)} AND {_all_found('words_r', 'words_l', _OR_INITIAL)} AND {_SOME}"
)
_ONE_LEGAL_FORM = "(legal_form_l IS NULL OR legal_form_r IS NULL)"

NAME = Comparison(
    "name",
    _both("name_key"),
    [
        Level("name equal", f"{_SAME_WORDS} AND legal_form_l <=> legal_form_r", 0.7, 2e-5, "name_key"),
        # John Smith and his John Smith Ltd are two customers at one address.
        Level("name equal but for a legal form", f"{_SAME_WORDS} AND {_ONE_LEGAL_FORM}", 0.006, 2e-5, "name_key"),
        Level("legal forms differ", _SAME_WORDS, 0.002, 2e-5, "name_key", wording="name equal, legal forms differ"),
        Level("name similar", f"({_ALL_L} AND {_ALL_R}) OR {_OTHERWISE_SPLIT}", 0.2, 8e-4),
        Level(
            "further words",
            f"{_MORE_THAN_ONE} AND ({_ALL_L} OR {_ALL_R})",
            0.03,
            1e-4,
            wording="name equal but for further words",
        ),
        Level("initials", _INITIALS, 0.03, 3e-4, wording="name equal but for initials"),
        Level("a word alone", f"{_ALL_L} OR {_ALL_R}", 0.03, 2e-3, wording="one name is a single word of the other"),
        Level("name in part", _SOME, 0.06, 0.06, wording="name shares a word, others differ"),
        Level("name differs", "ELSE", 0.01, 0.94),
    ],
)

_DAY_AND_MONTH_SWAPPED = "birth_l = concat(left(birth_r, 4), right(birth_r, 2), substr(birth_r, 5, 2))"

BIRTH = Comparison(
    "birth",
    _both("birth"),
    [
        Level("birth date equal", "birth_l = birth_r", 0.9, 5e-5, "birth"),
        Level("birth date nearly equal", f"{_typo('birth')} OR {_DAY_AND_MONTH_SWAPPED}", 0.07, 3e-3),
        Level("birth date differs", "ELSE", 0.03, 0.997),
    ],
)

_SAME_POSTCODE = "coalesce(postcode_l = postcode_r, false)"
_SAME_CITY = "coalesce(jaro_winkler_similarity(city_l, city_r) >= 0.9, false)"
_SAME_PLACE = f"(({_SAME_POSTCODE} OR {_SAME_CITY}) AND coalesce(country_l = country_r, true))"
_NO_PLACE = "(place_l IS NULL OR place_r IS NULL)"
_THERE = f"({_SAME_PLACE} OR {_NO_PLACE})"

_STREETS = _both("street_key")
_SAME_STREET = f"({_STREETS} AND (street_key_l = street_key_r OR street_joined_l = street_joined_r))"
_HOUSES = "size(house_numbers_l) > 0 AND size(house_numbers_r) > 0"
_SAME_HOUSE = f"(NOT ({_HOUSES}) OR arrays_overlap(house_numbers_l, house_numbers_r))"
_FEWER = "least(size(street_words_l), size(street_words_r))"
_IN_COMMON = f"size(filter(street_words_l, x -> exists(street_words_r, y -> {_CLOSE})))"
_ALL_IN_COMMON = f"({_FEWER} > 0 AND {_IN_COMMON} >= {_FEWER})"
_HALF_IN_COMMON = f"({_HOUSES} AND {_FEWER} > 0 AND 2 * {_IN_COMMON} >= {_FEWER})"
_ALIKE = f"({_alike('street_joined', 0.25)} OR {_alike('street_key', 0.25)} OR {_ALL_IN_COMMON})"
_SIMILAR_STREET = f"({_STREETS} AND {_SAME_HOUSE} AND {_ALIKE})"
_PART_OF_STREET = f"({_STREETS} AND {_SAME_HOUSE} AND {_HALF_IN_COMMON})"
_OTHER_HOUSE = f"({_STREETS} AND ({_alike('street_letters', 0.25)} OR {_ALL_IN_COMMON}))"

ADDRESS = Comparison(
    "address",
    f"({_STREETS}) OR NOT {_NO_PLACE}",
    [
        Level("address equal", f"{_SAME_STREET} AND {_THERE}", 0.5, 2e-5, "street_key"),
        Level("street similar", f"{_SIMILAR_STREET} AND {_THERE}", 0.25, 1e-4),
        Level("street partly equal", f"{_PART_OF_STREET} AND {_THERE}", 0.1, 5e-4),
        Level("street equal, place differs", _SAME_STREET, 0.05, 1e-4, "street_key"),
        Level("street similar, place differs", _SIMILAR_STREET, 0.02, 2e-3),
        Level("street equal but for the house number", f"{_OTHER_HOUSE} AND {_THERE}", 0.05, 5e-4),
        Level("place equal, street differs", f"{_STREETS} AND {_SAME_PLACE}", 0.1, 0.02, "place"),
        Level("place equal", _SAME_PLACE, 0.8, 0.01, "place"),
        Level("address differs", "ELSE", 0.015, 0.98),
    ],
)
EMAIL = Comparison(
    "email",
    _both("email"),
    [
        Level("e-mail equal", "email_l = email_r", 0.6, 2e-5, "email"),
        Level("e-mail nearly equal", _typo("email"), 0.05, 5e-5),
        Level("e-mail differs", "ELSE", 0.35, 0.999),
    ],
)
PHONE = Comparison(
    "phone",
    _both("phone"),
    [
        Level("phone equal", "phone_l = phone_r", 0.6, 2e-5, "phone"),
        Level("phone differs", "ELSE", 0.4, 0.999),
    ],
)


def _number(column: str, called: str) -> Comparison:
    levels = [
        Level(f"{called} equal", f"{column}_l = {column}_r", 0.9, 1e-6, column),
        Level(f"{called} nearly equal", _typo(column), 0.06, 2e-5),
        Level(f"{called} differs", "ELSE", 0.04, 0.999),
    ]
    return Comparison(column, _both(column), levels)


TAX = _number("tax_id", "tax id")
REGISTRATION = _number("registration_number", "registration number")

COMPARISONS = [NAME, BIRTH, ADDRESS, EMAIL, PHONE, TAX, REGISTRATION]
"""In the order in which a clerk reads them."""
