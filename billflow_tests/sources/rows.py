"""Raw and mapped rows for tests of single steps, made without files."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import ArrayType, BooleanType, LongType, StringType, StructField, StructType

from billflow.canonical import CANONICAL_TABLES
from billflow.lake import schemas
from billflow.source_mappings import FileMapping
from billflow.sources.conversion import TYPES
from billflow.sources.mapping import map_rows
from billflow.sources.raw import CORRUPT, FILE, ROW
from billflow.sources.verdicts import RULES, VERDICT

ZONE = "Australia/Sydney"
PLACE = "billflow.yaml: sources.s.tables.t"

REQUIRED = {
    "customers": {"account_id": "id", "name": "id"},
    "subscriptions": {"subscription_id": "id", "account_id": "id", "plan": "'p'", "start_date": "'2013-01-01'"},
    "usage": {
        "usage_id": "id",
        "subscription_id": "id",
        "metric": "'m'",
        "quantity": "1",
        "event_time": "'2013-01-01'",
    },
    "adjustments": {
        "adjustment_id": "id",
        "account_id": "'17'",
        "date": "'2013-01-01'",
        "amount": "1",
        "description": "'d'",
    },
    "bills": {
        "bill_id": "id",
        "account_id": "'17'",
        "issue_date": "'2013-01-01'",
        "line_no": "1",
        "description": "'d'",
        "quantity": "1",
        "unit_price": "1",
        "amount": "1",
    },
    "payments": {"payment_id": "id", "account_id": "'17'", "date": "'2013-01-01'", "amount": "1"},
    "crosswalk": {"account_id": "id", "other_system": "'b'", "other_account_id": "id"},
}


def delivered(spark: SparkSession, texts: Sequence[str | None], given: str = "x") -> DataFrame:
    """A raw table with the columns `id` (the number of the row) and `x`: each text as the expression `given` of it."""
    numbers = [str(number) for number in range(len(texts))]
    rows = spark.createDataFrame(
        pa.table(
            {
                "id": pa.array(numbers, pa.string()),
                "x": pa.array(texts, pa.string()),
                CORRUPT: pa.array([None] * len(texts), pa.string()),
                FILE: ["some.csv"] * len(texts),
                ROW: range(len(texts)),
            }
        )
    )
    return rows.withColumn("x", F.expr(given))


def mapped(raw: DataFrame, table: str, *, where: str | None = None, zone: str = ZONE, **columns: str) -> DataFrame:
    """`raw` mapped to `table`; required columns that are not named have plain values."""
    mapping = FileMapping(path="p", where=where, columns={**REQUIRED[table], **columns})
    return map_rows(raw, mapping, table, timezone=zone, where=PLACE)


def canonical(spark: SparkSession, table: str, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Mapped rows as the judges take them; `_row` is the place in `rows`, and what a row leaves out is NULL."""
    fields = [StructField(name, TYPES.get(name, schemas.TEXT)) for name in CANONICAL_TABLES[table].columns]
    extras = {
        "_row": LongType(),
        "_file": StringType(),
        "_failed": ArrayType(StringType()),
        "_malformed": BooleanType(),
        "source": StringType(),
        "system": StringType(),
        "_delivery": StringType(),
    }
    schema = StructType([*fields, *[StructField(name, kind) for name, kind in extras.items()]])
    known = {"_file": "f", "_failed": [], "_malformed": False, "source": "s", "system": "default", "_delivery": "d"}
    whole = [{"_row": at, **known, **row} for at, row in enumerate(rows)]
    return spark.createDataFrame(pa.Table.from_pylist(whole, schema=to_arrow_schema(schema, timezone="UTC")), schema)


def accounts_of(spark: SparkSession, *accounts: tuple[str, str, str, str], currency: str = "AUD") -> DataFrame:
    """(system, account_id, timezone, cycle) as valid accounts."""
    rows = spark.createDataFrame(list(accounts), "system string, account_id string, timezone string, cycle string")
    whole = rows.withColumn("currency", F.lit(currency))
    return whole.select(*[F.col(n) if n in whole.columns else F.lit(None).alias(n) for n in schemas.ACCOUNTS.names])


def verdicts(judged: DataFrame) -> dict[int, tuple[str, list[str]]]:
    """Row → verdict and rule codes."""
    rows = judged.select("_row", VERDICT, RULES).collect()
    found = {row["_row"]: (row[VERDICT], list(row[RULES])) for row in rows}
    assert len(found) == len(rows), "a row was multiplied"
    return found
