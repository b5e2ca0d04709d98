"""JSON objects as rows: one a line of a file, or one a row of texts. No number becomes a double."""

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType, DecimalType, DoubleType, StringType, StructField, StructType

from billflow.sources.increments import within
from billflow.sources.raw import CORRUPT


def json_rows(spark: SparkSession, texts: list[str] | DataFrame, known: StructType | None = None) -> DataFrame:
    """The lines of files that Spark names, or the rows of one column: a column a field, and CORRUPT beside.

    In the `known` columns where these can hold all that comes; then a field without any value is none.
    """
    schema = _schema(spark, texts, drop_empty=known is not None)
    if not schema.names or schema.names == [CORRUPT]:  # no line is an object: Spark would not read such a file
        lines = spark.read.text(texts) if isinstance(texts, list) else texts
        return lines.select(F.col(lines.columns[0]).alias(CORRUPT))
    if known is not None and within(schema, known):
        schema = known
    if CORRUPT not in schema.names:
        schema = StructType([*schema, StructField(CORRUPT, StringType())])
    return spark.read.schema(schema).options(columnNameOfCorruptRecord=CORRUPT).json(texts)


def _schema(spark: SparkSession, texts: list[str] | DataFrame, *, drop_empty: bool) -> StructType:
    """The schema of JSON lines without doubles: what does not fit a decimal makes its row malformed instead."""
    reader = spark.read.options(prefersDecimal=True, columnNameOfCorruptRecord=CORRUPT, dropFieldIfAllNull=drop_empty)
    try:
        found = reader.json(texts).schema
    except (PySparkException, Py4JError) as error:
        if "NEGATIVE_SCALE" not in str(error):  # 1E3 is a number, but Spark's inference of decimals stumbles over it
            raise
        found = reader.option("prefersDecimal", value=False).json(texts).schema
    return _exact_fields(found)


def _exact_fields(kind: StructType) -> StructType:
    return StructType([StructField(field.name, _without_doubles(field.dataType)) for field in kind])


def _without_doubles(kind: DataType) -> DataType:
    if isinstance(kind, StructType):
        return _exact_fields(kind)
    if isinstance(kind, ArrayType):
        return ArrayType(_without_doubles(kind.elementType))
    return DecimalType(38, 12) if isinstance(kind, DoubleType) else kind
