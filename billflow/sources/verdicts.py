"""Rules that rows must keep, and what becomes of each row: valid, an identical duplicate, or quarantined."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from billflow.lake.kept import kept
from billflow.lake.local_rows import local_rows
from billflow.lake.schemas import COUNT, columns
from billflow.sources.listing import any_of, listed
from billflow.sources.mapping import FAILED, MALFORMED

VALID, DUPLICATE, QUARANTINED = "valid", "duplicate", "quarantined"
RULES, REASONS, VERDICT, CONTENT = "_rules", "_reasons", "_verdict", "_content"


@dataclass(frozen=True)
class Rule:
    """`code` as users see it, the condition that breaks the rule, and why in words."""

    code: str
    broken: Column
    reason: Column


def rule(code: str, broken: Column, *reason: Column | str) -> Rule:
    """A rule whose reason is put together from texts and columns; NULL prints as «nothing»."""
    parts = [
        F.lit(part) if isinstance(part, str) else F.coalesce(part.cast("string"), F.lit("nothing")) for part in reason
    ]
    return Rule(code, F.coalesce(broken, F.lit(False)), F.concat(*parts))


def unknown(column: str, known: Collection[str]) -> Rule:
    """`unknown_<column>`: the value is missing or none of `known`."""
    missing = ~F.coalesce(_one_of(column, known), F.lit(False))
    return rule(f"unknown_{column}", missing, f"the {column} is not known: ", F.col(column))


def _one_of(column: str, values: Collection[str]) -> Column:
    """`isin` as one text: with a call of Java for each of 600 time zones that takes half a second."""
    if not values:
        return F.lit(False)
    texts = [value.replace("\\", "\\\\").replace("'", "\\'") for value in sorted(values)]
    return F.expr(f"`{column}` in ('" + "', '".join(texts) + "')")


def unknown_if_given(column: str, known: Collection[str]) -> Rule:
    """`unknown_<column>` of a column that may be left out."""
    one = unknown(column, known)
    return replace(one, broken=one.broken & F.col(column).isNotNull())


def mapped_rules() -> tuple[Rule, ...]:
    """Rules of every table: the row parsed, and its mapping worked."""
    failed = ~F.col(MALFORMED) & (F.size(FAILED) > 0)
    return (
        rule("malformed_row", F.col(MALFORMED), "the row does not parse as its file's format"),
        rule("mapping_failed", failed, "the mapping fails on this row for ", F.array_join(FAILED, ", ")),
    )


def apply_rules(rows: DataFrame, rules: Sequence[Rule]) -> DataFrame:
    """`rows` with RULES and REASONS: the codes and texts of the rules that each row breaks, after those it has."""
    codes = listed([(one.broken, F.lit(one.code)) for one in rules])
    reasons = listed([(one.broken, one.reason) for one in rules])
    if RULES in rows.columns:
        broken = any_of([one.broken for one in rules])
        codes = F.when(broken, F.array_union(RULES, codes)).otherwise(F.col(RULES))
        reasons = F.when(broken, F.concat(F.col(REASONS), reasons)).otherwise(F.col(REASONS))
    return rows.withColumns({RULES: codes, REASONS: reasons})


def keeps_all_rules() -> Column:
    """Whether a row breaks no rule so far."""
    return F.size(RULES) == 0


def settle_duplicates(
    rows: DataFrame, *, key: Sequence[str], content: Sequence[str | Column], order: Sequence[Column] = ()
) -> DataFrame:
    """`rows` with VERDICT. Of valid rows with one (system, key) the first by `order`, source and content stands.

    The others are identical duplicates, or conflict with it (`duplicate_key`) and are quarantined.
    """
    valid = keeps_all_rules()
    hashed = rows.drop(FAILED, MALFORMED).withColumn(CONTENT, _content_hash(content))
    # Rows that break rules must not meet in one task: NULL is one key. Each is alone with its row number instead.
    alone = F.when(~valid, F.concat_ws("/", "_delivery", "_row"))
    window = Window.partitionBy(*key, "system", alone).orderBy(*order, "source", CONTENT)
    numbered = hashed.withColumns({"_first": F.first(CONTENT).over(window), "_number": F.row_number().over(window)})
    repeated = F.col("_number") > 1
    conflicting = repeated & (F.col(CONTENT) != F.col("_first"))
    judged = apply_rules(
        numbered,
        [rule("duplicate_key", conflicting, "another row with other content has the key ", key_text(key))],
    )
    verdict = F.when(~keeps_all_rules(), QUARANTINED).when(repeated, DUPLICATE).otherwise(VALID)
    return judged.withColumn(VERDICT, verdict).drop("_first", "_number", CONTENT)


def settle_rare_duplicates(
    rows: DataFrame, parts: int, *, key: Sequence[str], content: Sequence[str | Column], order: Sequence[Column] = ()
) -> DataFrame:
    """As `settle_duplicates`, of rows that are many and of which few share a key: only those are sorted and compared.

    `rows` are computed for it, and kept on disk: what this gives may be read again at little cost. `parts` is into how
    many parts their keys fit in memory.
    """
    rows = kept(rows.drop(FAILED, MALFORMED).withColumn(_KEY_HASH, F.xxhash64(*key, "system")))
    hashes = rows.where(keeps_all_rules()).select(_KEY_HASH).repartition(parts, _KEY_HASH).groupBy(_KEY_HASH)
    # Keys of one hash that are not equal are told apart by what follows; only few must be left.
    repeated = [row[_KEY_HASH] for row in hashes.count().where("count > 1").limit(_FEW_REPEATED + 1).collect()]
    if len(repeated) > _FEW_REPEATED:
        return kept(settle_duplicates(rows.drop(_KEY_HASH), key=key, content=content, order=order))
    verdict = F.when(keeps_all_rules(), VALID).otherwise(QUARANTINED)
    if not repeated:
        return rows.withColumn(VERDICT, verdict).drop(_KEY_HASH)
    named = F.broadcast(local_rows(rows.sparkSession, [(one,) for one in repeated], columns(**{_KEY_HASH: COUNT})))
    together = settle_duplicates(rows.join(named, _KEY_HASH, "left_semi"), key=key, content=content, order=order)
    alone = rows.join(named, _KEY_HASH, "left_anti").withColumn(VERDICT, verdict)
    return alone.unionByName(together).drop(_KEY_HASH)


_KEY_HASH, _FEW_REPEATED = "_key_hash", 10_000


def judged_further(rows: DataFrame, rules: Sequence[Rule]) -> DataFrame:
    """Settled `rows` by further rules: a valid one that breaks them is quarantined, the others keep their verdict."""
    is_valid = F.col(VERDICT) == VALID
    judged = apply_rules(rows, [replace(one, broken=is_valid & one.broken) for one in rules])
    return judged.withColumn(VERDICT, F.when(is_valid & ~keeps_all_rules(), QUARANTINED).otherwise(F.col(VERDICT)))


def _content_hash(content: Sequence[str | Column]) -> Column:
    # to_json drops NULLs but names what it keeps, so that (NULL, x) and (x, NULL) differ.
    return F.xxhash64(F.to_json(F.struct(*content)))


def key_text(key: Sequence[str]) -> Column:
    """A row's key as quarantine has it."""
    return F.concat_ws("|", *[F.col(name).cast("string") for name in key])


def quarantined(rows: DataFrame, table: str, key: Sequence[str]) -> DataFrame:
    """(source, table, key, rules, reason, cycle, month, file, _delivery, _row) of the rows in quarantine."""
    bad = rows.where(F.col(VERDICT) == QUARANTINED)
    placed = [F.col(name) if name in rows.columns else F.lit(None).cast("string") for name in ("_cycle", "_month")]
    return bad.select(
        "source",
        F.lit(table).alias("table"),
        F.nullif(key_text(key), F.lit("")).alias("key"),
        F.col(RULES).alias("rules"),
        F.array_join(REASONS, "; ").alias("reason"),
        placed[0].alias("cycle"),
        placed[1].alias("month"),
        F.col("_file").alias("file"),
        "_delivery",
        "_row",
    )
