"""Rows of this process as frames."""

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from pyspark.sql import Row
from pyspark.sql.types import MapType

from billflow.billing.rates import RATES
from billflow.lake.local_rows import local_rows
from billflow.lake.schemas import DAY, QUANTITY, TEXT, TEXTS, USAGE, columns


def test_maps_structs_and_nulls_come_back(spark):
    schema = columns(name=TEXT, where=MapType(TEXT, TEXTS), dated=MapType(TEXT, columns(of=QUANTITY, day=DAY)))
    rows = [("a", {"zone": ["1", "2"]}, {"x": (Decimal("0.1"), date(2024, 2, 29))}), (None, None, {"x": None})]
    frame = local_rows(spark, rows, schema)
    assert frame.schema == schema
    assert [tuple(row) for row in frame.collect()] == [
        ("a", {"zone": ["1", "2"]}, {"x": Row(of=Decimal("0.1"), day=date(2024, 2, 29))}),
        (None, None, {"x": None}),
    ]


@pytest.mark.parametrize("schema", [RATES, USAGE])
def test_no_rows_are_seen_by_the_planner_and_need_no_python(spark, schema):
    frame = local_rows(spark, [], schema)
    assert frame.schema == schema
    assert frame.collect() == []
    joined = spark.range(3).withColumnRenamed("id", "charge_id").crossJoin(frame.select(frame.columns[0]))
    assert "LocalTableScan <empty>" in joined._jdf.queryExecution().executedPlan().toString()


def test_a_decimal_that_does_not_fit_is_not_rounded(spark):
    with pytest.raises(pa.ArrowInvalid, match="data loss"):
        local_rows(spark, [(Decimal("1E-13"),)], columns(price=QUANTITY))
