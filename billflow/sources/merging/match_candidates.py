"""Which pairs are looked at: those that share something rare. Cost grows with the customers, not with their square."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

MOST_SHARING = 50
"""A key that more accounts share makes no pairs: an `info@…` of a thousand, a birth date in a big base. Narrower keys
of the same accounts still do."""


def candidates(records: DataFrame, *, within_systems: bool) -> DataFrame:
    """Of `normalised` rows: join_key_l, join_key_r (unique_id, the smaller (system, account_id) left), match_key."""
    keys = records.select("system", "account_id", "unique_id", F.explode(F.array_distinct(_keys())).alias("_key"))
    sharing = F.count(F.lit(1)).over(Window.partitionBy("_key"))
    telling = keys.withColumn("_sharing", sharing).where(F.col("_sharing").between(2, MOST_SHARING))
    left, right = telling.alias("l"), telling.alias("r")
    pairs = left.join(right, (F.col("l._key") == F.col("r._key")) & _ordered(within_systems=within_systems), "inner")
    joined = pairs.select(F.col("l.unique_id").alias("join_key_l"), F.col("r.unique_id").alias("join_key_r"))
    return joined.dropDuplicates().withColumn("match_key", F.lit("0"))


def _ordered(*, within_systems: bool) -> Column:
    if not within_systems:
        return F.col("l.system") < F.col("r.system")
    left, right = (F.struct(f"{side}.system", f"{side}.account_id") for side in "lr")
    return left < right


def _keys() -> Column:
    """Hashes of what an account may share with another. A typo in any one attribute leaves keys of others."""
    sounds = F.array_sort(F.transform("words", F.soundex))
    whole = [
        _key("name", "name_key"),
        _key("sounds", F.array_join(sounds, " ")),
        _key("birth", "birth"),
        _key("address", "street_key", "place"),
        _key("street", "street_key"),
        *(_key(name, name) for name in ("email", "phone", "tax_id", "registration_number")),
    ]
    of_words = [
        F.transform("words", lambda word: _key("word and birth", F.soundex(word), "birth")),
        F.transform("words", lambda word: _key("word and postcode", F.soundex(word), "postcode")),
        F.transform("words", lambda word: _key("word and city", F.soundex(word), "city")),
        F.transform(
            "words", lambda word: _key("word and year", word, F.left("birth", F.lit(4)), F.left("postcode", F.lit(2)))
        ),
        F.transform("words", lambda word: _key("word and street", F.soundex(word), "street_letters")),
    ]
    nothing = F.array().cast("array<bigint>")
    return F.array_compact(F.concat(F.array(*whole), *(F.coalesce(keys, nothing) for keys in of_words)))


def _key(kind: str, *parts: str | Column) -> Column:
    """NULL where a part is."""
    columns = [F.col(part) if isinstance(part, str) else part for part in parts]
    given = F.concat(*columns).isNotNull()
    return F.when(given, F.xxhash64(F.lit(kind), *columns))
