"""Which line of an older bill is which line of ours.

Lines of one account are paired in rounds, each looking only at lines that no earlier round has paired: by description
first, the closest numbers before others, then by quantity and price, then by amount. Of several lines that are alike
the first of one side goes with the first of the other, by their numbers, so that the pairs are always the same.
"""

import duckdb

ROUNDS = (
    ("description", "quantity", "unit_price", "amount"),
    ("description", "quantity", "unit_price"),
    ("description", "amount"),
    ("description", "quantity"),
    ("description", "unit_price"),
    ("description",),
    ("quantity", "unit_price"),
    ("amount",),
)
"""What two lines of one account must have in common to be a pair, round by round."""


def pair_lines(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes table `pairs` (our_id, their_id) from `our_lines` and `their_lines`.

    Both have id, system, account_id, bill, line_no and the columns of ROUNDS, `description` folded for comparison.
    """
    connection.execute("CREATE TEMP TABLE pairs (our_id BIGINT, their_id BIGINT)")
    for side in ("our", "their"):
        connection.execute(f"CREATE TEMP TABLE open_{side} AS SELECT * FROM {side}_lines")
    for alike in ROUNDS:
        connection.execute(_round(alike))
        for side in ("our", "their"):
            connection.execute(f"DELETE FROM open_{side} WHERE id IN (SELECT {side}_id FROM pairs)")
    connection.execute("DROP TABLE open_our; DROP TABLE open_their")


def _round(alike: tuple[str, ...]) -> str:
    keys = ", ".join(("system", "account_id", *alike))
    queue = f"row_number() OVER (PARTITION BY {keys} ORDER BY line_no, bill, id)"
    ours, theirs = (f"(SELECT id, {keys}, {queue} AS turn FROM open_{side})" for side in ("our", "their"))
    return f"INSERT INTO pairs SELECT o.id, t.id FROM {ours} AS o JOIN {theirs} AS t USING ({keys}, turn)"
