"""The base that bill runs are measured on: a project of billflow's, whose Parquet files its rivals load too.

Every value is arithmetic on a row's number and the seed: the same base on each machine, made as sets by DuckDB.
"""

import shutil
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import duckdb

CYCLE, MONTH = "c01", "2025-12"
PERIOD_START, PERIOD_END = "2025-12-01", "2026-01-01"
READINGS = 12
"""Usage rows a customer: a round of reading all meters every 62 hours, one file each, as they would arrive."""
_HOURS_BETWEEN = 62
PLANS = ("home", "green", "trade")
REGIONS = ("north", "east", "south", "west", "centre")


@dataclass(frozen=True)
class Base:
    """A project's folder with `customers.parquet`, `subscriptions.parquet` and `usage/*.parquet`."""

    folder: Path
    customers: int

    @property
    def usage_rows(self) -> int:
        """Twelve a customer."""
        return self.customers * READINGS

    def files(self, table: str) -> list[str]:
        """The files of customers, subscriptions or usage."""
        pattern = "usage/*.parquet" if table == "usage" else f"{table}.parquet"
        return sorted(str(file) for file in self.folder.glob(pattern))


def write_base(folder: Path, customers: int, *, seed: int = 1) -> Base:
    """A new project of so many customers with a subscription and twelve usage rows each.

    customers: account_id, name, street, city, postcode, email, region. subscriptions: subscription_id, account_id,
    plan, start_date. usage: usage_id, subscription_id, kwh decimal(12,3), read_at (wall clock).
    """
    with as_file(files("billflow.bench") / "project") as shipped:
        shutil.copytree(shipped, folder)
    (folder / "usage").mkdir()
    base = Base(folder, customers)
    with duckdb.connect() as connection:
        for target, rows in _tables(base, seed).items():
            connection.execute(f"COPY ({rows}) TO '{folder / target}' (FORMAT parquet, COMPRESSION zstd)")
    return base


def _tables(base: Base, seed: int) -> dict[str, str]:
    everyone = f"range(1, {base.customers + 1}) AS _(n)"
    return {
        "customers.parquet": _customers(seed, everyone),
        "subscriptions.parquet": _subscriptions(seed, everyone),
        **{f"usage/reading-{turn:02d}.parquet": _reading(seed, everyone, turn, base) for turn in range(READINGS)},
    }


def _customers(seed: int, everyone: str) -> str:
    return f"""
        SELECT n AS account_id, 'Customer ' || n AS name, 'Long Lane ' || {_mixed("n", seed + 1, 200)} + 1 AS street,
            'Town ' || {_mixed("n", seed + 2, 500)} AS city, lpad(({_mixed("n", seed + 3, 90000)})::VARCHAR, 5, '0')
            AS postcode, 'c' || n || '@mail.example' AS email, {_one_of(REGIONS, "n", seed + 4)} AS region
        FROM {everyone}"""


def _subscriptions(seed: int, everyone: str) -> str:
    return f"""
        SELECT n AS subscription_id, n AS account_id, {_one_of(PLANS, "n", seed + 5)} AS plan, DATE '2023-01-01'
            AS start_date
        FROM {everyone}"""


def _reading(seed: int, everyone: str, turn: int, base: Base) -> str:
    number = f"({turn}::BIGINT * {base.customers} + n)"
    # A household's own level times the round's share: totals from the first tier to the third.
    level, share = _mixed("n", seed + 6, 90_000), _mixed(number, seed + 7, 1000)
    minutes = f"{turn * _HOURS_BETWEEN * 60} + {_mixed(number, seed + 8, _HOURS_BETWEEN * 60)}"
    return f"""
        SELECT {number} AS usage_id, n AS subscription_id,
            (((1000 + {level}) * (500 + {share}) // 1000)::DECIMAL(9, 0) * 0.001)::DECIMAL(12, 3) AS kwh,
            TIMESTAMP '{PERIOD_START}' + to_minutes({minutes}) AS read_at
        FROM {everyone}"""


def _one_of(names: tuple[str, ...], number: str, seed: int) -> str:
    listed = ", ".join(f"'{name}'" for name in names)
    return f"[{listed}][1 + {_mixed(number, seed, len(names))}]"


def _mixed(number: str, seed: int, below: int) -> str:
    """A whole number from 0 that looks like chance: Knuth's multiplicative hash, turned twice."""
    once = f"(({number} + {seed * 7919}) * 2654435761 % 4294967296)"
    return f"(((({once} // 65536) + {once} % 65536 * 40503) * 2246822519 % 4294967296) // 1024 % {below})"
