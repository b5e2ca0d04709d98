"""Pairs scored by Splink's model of record linkage, after Fellegi and Sunter, on the session that they come from.

Every attribute that agrees, nearly agrees or differs multiplies the odds that two records are one customer by m/u.
`jaro_winkler_similarity` and `levenshtein` are Spark's own, so that Splink's archive of functions, which would have to
be on the class path before Java starts, is not needed. Nothing is trained: the model is `comparisons`.
"""

from typing import Any
from uuid import uuid4

from pyspark.sql import DataFrame, SparkSession

from billflow.errors import MachineError
from billflow.sources.merging.comparisons import COMPARISONS
from billflow.sources.merging.match_frequencies import COLUMNS, frequency


def scored(records: DataFrame, pairs: DataFrame, shares: DataFrame, *, prior: float) -> DataFrame:
    """The pairs with match_probability, gamma_<attribute> (the level, -1 where not compared), system_l, account_id_l, …

    `records` are of `normalised`, `pairs` of `candidates`, `shares` of `frequencies`; `prior` is the probability that
    any two records are one customer. MachineError without Splink.
    """
    database = splink_on(records.sparkSession)
    views = [database.register(records, table_name=_view("records"))]
    linker = _linker(views[0], prior)
    for column in COLUMNS:
        views.append(database.register(frequency(shares, column), table_name=_view(column)))
        linker.table_management.register_term_frequency_lookup(views[-1], column)
    views.append(database.register(pairs, table_name=_view("pairs")))
    linker.table_management.register_blocked_pairs_for_predict(views[-1])
    views.append(linker.inference.predict(warning_mode="never"))
    predicted: DataFrame = views[-1].as_spark_dataframe()
    # Splink asks Spark to keep its table, which nobody would ever free; and its views have served their purpose.
    predicted.unpersist()
    for view in views:
        records.sparkSession.catalog.dropTempView(view.physical_name)
    return predicted


def splink_on(session: SparkSession) -> Any:
    """Splink's door to a session. MachineError where Splink is not installed."""
    try:
        from splink.backends.spark import SparkAPI  # noqa: PLC0415  # only there with the `merging` extra
    except ImportError:
        raise MachineError(
            "customers of several systems are matched by Splink, which is not installed",
            where="merging",
            remedy="python -m pip install 'billflow[merging]'",
        ) from None
    api: Any = SparkAPI
    return api(spark_session=session, break_lineage_method="persist", register_udfs_automatically=False)


def _linker(records: Any, prior: float) -> Any:
    from splink import Linker  # noqa: PLC0415  # as above

    settings = {
        "link_type": "dedupe_only",  # which systems may pair is settled by `candidates`
        "probability_two_random_records_match": prior,
        "comparisons": [comparison.settings() for comparison in COMPARISONS],
        "blocking_rules_to_generate_predictions": [],
        "retain_matching_columns": True,  # only with them Splink tells the levels
        "additional_columns_to_retain": ["system", "account_id"],
    }
    return Linker(records, settings, log_level=None)


def _view(name: str) -> str:
    """A name that nobody else on the session has."""
    return f"__billflow_merging_{name}_{uuid4().hex}"
