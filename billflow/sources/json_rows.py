"""JSON objects as rows: one a line of a file, or one a row of texts. No number becomes a double."""

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, DataFrameReader, SparkSession
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
    """The schema of JSON lines without doubles: what does not fit a decimal makes its row malformed instead.

    A text stays one whatever it looks like: "007" is another id than "7". Spark takes texts for numbers, too, where it
    infers decimals, so that it is asked for these a second time, and only believed where no row has a text.
    """
    reader = spark.read.options(columnNameOfCorruptRecord=CORRUPT, dropFieldIfAllNull=drop_empty)
    found = reader.json(texts).schema
    return _without_doubles(found, _with_decimals(reader, texts)) if _has_doubles(found) else found


def _with_decimals(reader: DataFrameReader, texts: list[str] | DataFrame) -> StructType:
    try:
        return reader.option("prefersDecimal", value=True).json(texts).schema
    except (PySparkException, Py4JError) as error:
        if "NEGATIVE_SCALE" not in str(error):  # 1E3 is a number, but Spark's inference of decimals stumbles over it
            raise
        return StructType([])


def _has_doubles(kind: DataType) -> bool:
    if isinstance(kind, StructType):
        return any(_has_doubles(field.dataType) for field in kind)
    return _has_doubles(kind.elementType) if isinstance(kind, ArrayType) else isinstance(kind, DoubleType)


def _without_doubles(kind: StructType, exact: StructType) -> StructType:
    types = {field.name: field.dataType for field in exact}
    return StructType([StructField(each.name, _exact(each.dataType, types.get(each.name))) for each in kind])


def _exact(kind: DataType, exact: DataType | None) -> DataType:
    """The type with decimals for doubles: those of `exact`, the same type inferred with decimals, where it has them."""
    if isinstance(kind, StructType):
        return _without_doubles(kind, exact if isinstance(exact, StructType) else StructType([]))
    if isinstance(kind, ArrayType):
        return ArrayType(_exact(kind.elementType, exact.elementType if isinstance(exact, ArrayType) else None))
    if not isinstance(kind, DoubleType):
        return kind
    return exact if isinstance(exact, DecimalType) else DecimalType(38, 12)
