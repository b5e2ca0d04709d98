"""The settings that results depend on."""

import shlex
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from billflow.lake.session import (
    DEFAULTS,
    EXACT,
    INTERPRETED,
    LAYOUT,
    SMALL_INPUT,
    TINY_INPUT,
    _java_options,
    _sized,
    kerberos_options,
)


@pytest.mark.parametrize(("setting", "value"), [*EXACT.items(), *LAYOUT.items()])
def test_what_results_depend_on_is_set(spark: SparkSession, setting: str, value: str) -> None:
    assert spark.conf.get(setting) == value


@pytest.mark.parametrize(
    ("named", "read"),
    [
        ("", None),
        ("one.conf", "one.conf"),
        ("gone.conf:one.conf:two.conf", "one.conf"),
        (":two.conf", "two.conf"),
        ("gone.conf:nowhere.conf", "gone.conf"),
        ("gone.conf:with space.conf", "with space.conf"),
    ],
)
def test_the_configuration_of_kerberos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, read: str | None
) -> None:
    for name in ("one.conf", "two.conf", "with space.conf"):
        (tmp_path / name).write_text("[libdefaults]\n")
    monkeypatch.setenv("KRB5_CONFIG", ":".join(f"{tmp_path}/{name}" if name else "" for name in named.split(":")))
    expected = [] if read is None else [f"-Djava.security.krb5.conf={tmp_path}/{read}"]
    assert kerberos_options() == expected
    line = " ".join(_java_options()["spark.driver.extraJavaOptions"])
    assert shlex.split(line) == ["-Duser.timezone=UTC", *expected]


@pytest.mark.parametrize(
    ("master", "size", "interpreted"),
    [
        ("local[2]", 0, True),
        ("local[*]", TINY_INPUT, False),
        ("local[*]", SMALL_INPUT, False),
        ("spark://m:7077", 0, False),
    ],
)
def test_plans_over_tiny_inputs_are_interpreted(tmp_path: Path, master: str, size: int, interpreted: bool) -> None:
    assert (INTERPRETED.items() <= _sized(master, size, tmp_path, {}).items()) == interpreted


@pytest.mark.parametrize(
    ("size", "given"),
    [
        (SMALL_INPUT - 1, "-XX:TieredStopAtLevel=1"),
        (SMALL_INPUT, "-XX:Tier4InvocationThreshold=50000"),
    ],
)
def test_how_much_java_compiles_goes_by_the_input(tmp_path: Path, size: int, given: str) -> None:
    assert given in _sized("local[*]", size, tmp_path, {})["spark.driver.extraJavaOptions"].split()


@pytest.mark.parametrize("region", [2**exponent for exponent in range(20, 26)])
def test_pages_of_memory_fill_the_regions_that_java_gives_them(region: int) -> None:
    """Objects of more than half a region of G1's have whole regions of their own (1 to 32 MiB, by the heap's size)."""
    header = 16
    page = int(DEFAULTS["spark.buffer.pageSize"].removesuffix("b")) + header
    taken = -(-page // region) * region if page > region // 2 else page
    assert taken == page
