"""`dunning` in billflow.yaml: levels in ascending order, fees as exact texts."""

from decimal import Decimal
from pathlib import Path

import pytest

from billflow.dunning import DEFAULT_LEVELS
from billflow.errors import SettingsError
from billflow.settings import Settings, load_settings
from billflow_tests.settings_test import SMALL


def loaded(folder: Path, dunning: str) -> Settings:
    (folder / "billflow.yaml").write_text("\n".join([*SMALL.values(), dunning]))
    return load_settings(folder, environment={})


def test_three_levels_unless_said(tmp_path: Path) -> None:
    levels = loaded(tmp_path, "").dunning
    assert levels == DEFAULT_LEVELS
    assert [(one.level, one.after_days, one.fee, one.minimum) for one in levels] == [
        (1, 7, 0, 0),
        (2, 21, 0, 0),
        (3, 35, 0, 0),
    ]


def test_levels_of_the_project(tmp_path: Path) -> None:
    [level] = loaded(tmp_path, 'dunning: [{level: 1, after_days: 3, name: Hello, fee: "2.50", minimum: 5}]').dunning
    assert (level.name, level.fee, level.minimum) == ("Hello", Decimal("2.50"), Decimal(5))
    assert loaded(tmp_path, "dunning: []").dunning == ()


FIRST = "{level: 1, after_days: 7, name: a}"

MISTAKES = [
    ("[{level: 1, after_days: 7, name: a, fee: 2.5}]", "dunning[0].fee", 'write it as text: "2.5"'),
    ('[{level: 1, after_days: 7, name: a, fee: "-1"}]', "dunning[0].fee", "-1"),
    ("[{level: 1, after_days: 7}]", "dunning[0].name", "the key 'name' is missing"),
    ("[{level: 0, after_days: 7, name: a}]", "dunning[0].level", "0"),
    ("[{level: 1, after_days: 0, name: a}]", "dunning[0].after_days", "0"),
    ("[{level: 1, after: 7, after_days: 7, name: a}]", "dunning[0].after", "unknown key 'after'"),
    (f"[{FIRST}, {{level: 1, after_days: 9, name: b}}]", "dunning", "level 1 comes after level 1"),
    (f"[{{level: 2, after_days: 9, name: b}}, {FIRST}]", "dunning", "level 1 comes after level 2"),
    (f"[{FIRST}, {{level: 2, after_days: 7, name: b}}]", "dunning", "level 2 is reached after 7 days"),
]


@pytest.mark.parametrize(("dunning", "path", "what"), MISTAKES, ids=[dunning for dunning, *_ in MISTAKES])
def test_a_mistake(tmp_path: Path, dunning: str, path: str, what: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, f"dunning: {dunning}")
    assert caught.value.where == f"{tmp_path / 'billflow.yaml'}: {path}"
    assert what in f"{caught.value.what} {caught.value.remedy}"
