"""One bill run over accounts that share a catalogue of every price model, option and bound.

python -m billflow_tests.benchmarks.mixed_bench [--customers N] [--events M] [--memory GIB] [--folder DIR]

Shows the seconds of each step, the invoices, and the most memory that billflow's processes held at once. Documents are
part of the run. --memory is what Spark's own process may use (spark.driver.memory).
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from billflow.lake.manifest import read_manifest
from billflow.lake.storage import open_storage
from billflow_tests.benchmarks.lake_bench import measure

MONTH = "2026-01"
TIERS = [
    {"up_to": "50", "unit_price": "0.31", "flat_fee": "2"},
    {"up_to": "200", "unit_price": "0.27"},
    {"unit_price": "0.2"},
]
SHARES = [{"up_to": "100", "rate": "0.01", "flat_fee": "2"}, {"rate": "0.02"}]
ROAMING = [
    {"when": {"kind": "a"}, "unit_price": "0.02"},
    {"when": {"kind": "b", "network": "x"}, "unit_price": "0.09"},
]
CALLS = {"increments": {"first": "30", "then": "6"}, "convert": {"divide_by": "60"}}


def _charge(model: str, **more: object) -> dict[str, object]:
    return {"model": model, "metric": "use", "tax": "std", **more}


MODELS = {
    "per_unit": _charge("per_unit", unit_price="0.005", **CALLS),
    "graduated": _charge("graduated", tiers=TIERS, included="10", minimum="5.00", maximum="80.00"),
    "volume": _charge("volume", tiers=TIERS, convert={"divide_by": "10", "round": "up"}),
    "package": _charge("package", size="25", price="1.5", included="20"),
    "percentage": _charge("percentage", rate="0.013", fixed_fee="0.05", free_events=2),
    "bounded": _charge("percentage", rate="0.013", event_minimum="0.05", event_maximum="2", included="40"),
    "graduated_percentage": _charge("graduated_percentage", tiers=SHARES),
    "matrix": _charge("matrix", dimensions=["kind", "network"], prices=ROAMING, default="0.15"),
    "pooled": _charge("per_unit", unit_price="0.1", included="100", pool="account"),
}
RENT = {"model": "flat", "amount": "9.90", "tax": "std", "when": "advance"}
CATALOG = {
    "metrics": {"use": {"aggregate": "sum"}},
    "taxes": {"std": [{"category": "S", "rate": "0.19"}, {"category": "S", "rate": "0.2", "country": "AT"}]},
    "plans": {
        name: {"charges": {"rent": RENT, name: charge}, "prices_include_tax": name == "volume"}
        for name, charge in MODELS.items()
    },
    "discounts": {"five": {"percent": "5"}, "coupon": {"amount": "2.00", "applies_to": "invoice", "periods": 3}},
    "invoice": {"minimum": "3.00"},
}


def write(folder: Path, customers: int, events: int) -> None:
    """A project whose customers have a plan each, in turn."""
    (folder / "catalog").mkdir(parents=True)
    (folder / "catalog" / "all.yaml").write_text(json.dumps(CATALOG))
    dice, number = np.random.default_rng(1), np.arange(customers)
    account = np.char.add("a", number.astype(str))
    countries, plans = np.array(["DE", "AT"]), np.array(list(MODELS))
    _save(folder / "customers.parquet", account_id=account, name=account, country=countries[number % 2])
    discounts = np.array(["", "five", "five coupon"])[number % 3]
    plan = plans[number % len(plans)]
    start = np.full(customers, "2025-06-01")
    _save(
        folder / "subscriptions.parquet",
        subscription_id=account,
        account_id=account,
        plan=plan,
        start_date=start,
        discounts=discounts,
    )
    used = np.repeat(account, events)
    minutes = dice.integers(0, 31 * 24 * 60, used.size)
    _save(
        folder / "usage.parquet",
        usage_id=np.arange(used.size),
        subscription_id=used,
        quantity=dice.integers(0, 600, used.size),
        event_time=np.datetime64(f"{MONTH}-01T00:00", "us") + minutes.astype("timedelta64[m]"),
        kind=np.array(["a", "b", "c"])[dice.integers(0, 3, used.size)],
        network=np.array(["x", "y"])[dice.integers(0, 2, used.size)],
    )
    (folder / "billflow.yaml").write_text(json.dumps(_settings()))


def _save(file: Path, **columns: np.ndarray) -> None:
    pq.write_table(pa.table(columns), file)


def _settings() -> dict[str, object]:
    own = {
        "customers": ("account_id", "name", "country"),
        "subscriptions": ("subscription_id", "account_id", "plan", "start_date", "discounts"),
        "usage": ("usage_id", "subscription_id", "quantity", "event_time"),
    }
    tables = {
        table: {"path": f"{table}.parquet", "columns": {name: name for name in names}} for table, names in own.items()
    }
    tables["usage"]["columns"] |= {"metric": "'use'", "dimensions": "map('kind', kind, 'network', network)"}
    return {
        "project": "mixed",
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "seller": {"name": "Mixed Ltd"},
        "cycles": {"c01": {"day": 1}},
        "sources": [{"name": "all", "kind": "files", "format": "parquet", "tables": tables}],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=20, help="Usage records of each customer.")
    parser.add_argument("--memory", type=int, default=4)
    parser.add_argument("--folder", type=Path, help="Where everything is written; a temporary folder by default.")
    arguments = parser.parse_args()
    if arguments.folder:
        arguments.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="mixed_bench-", dir=arguments.folder))
    write(folder / "project", arguments.customers, arguments.events)
    memory = {"BILLFLOW_SPARK__spark.driver.memory": f"{arguments.memory}g"}
    measured = measure(folder / "project", MONTH, memory)
    published = read_manifest(open_storage(str(folder / "project" / "lake"))).partitions[f"c01|{MONTH}"]
    print(f"{arguments.customers:,} customers, {arguments.customers * arguments.events:,} usage records\n")
    print("| step | seconds |\n|---|---:|")
    for step, seconds in measured.steps.items():
        print(f"| {step} | {seconds:.1f} |")
    print(f"| whole command | {measured.seconds:.1f} |\n")
    print(f"{published.counts.invoiced:,} invoices over {published.totals['EUR']['total']} EUR")
    print(f"peak memory {measured.peak / 2**30:.2f} GiB")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
