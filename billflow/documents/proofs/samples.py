"""Which bills of a month stand for all of its accounts: one for each kind, one for each thing that is on none yet."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from billflow.lake.manifest import PublishedPartition
from billflow.lake.published import connect_to
from billflow.lake.storage import Storage

DEFAULT_SAMPLES = 40


@dataclass(frozen=True)
class Sample:
    """A bill, and what it is an example of. `system` and `account_id` are of the account that gets it."""

    why: str
    invoice_id: str
    system: str
    account_id: str
    bills: int
    """How many bills of the month are of that kind or have that thing."""


@dataclass(frozen=True)
class Sampled:
    """What was chosen, the kinds with the most bills first, and what found no room."""

    samples: Sequence[Sample]
    left_out: Sequence[Sample]


def choose_samples(storage: Storage, partition: PublishedPartition, most: int = DEFAULT_SAMPLES) -> Sampled:
    """A bill for each kind of account, then extremes, then one for each charge, tax and metric that none has yet.

    A kind is a document's kind, language, currency and segment, the plans on it, and whether several accounts are on
    it; the largest bill of a kind stands for it. The same tables give the same samples.
    """
    connection = connect_to(storage, partition.tables)
    connection.execute(_SHAPES)
    found = {sample.invoice_id: sample for sample in _read(connection, _KINDS)}
    for sample in _read(connection, _EXTREMES):
        found.setdefault(sample.invoice_id, sample)
    connection.execute(_FEATURES)
    for sample in _read(connection, _FEATURES_OF_OTHERS, list(found)):
        found.setdefault(sample.invoice_id, sample)
    several = list(found.values())
    return Sampled(several[:most], several[most:])


def earlier_invoices(
    storage: Storage, partition: PublishedPartition, samples: Sequence[Sample]
) -> dict[tuple[str, str], str]:
    """System and account → the invoice that the accounts of samples got in an earlier partition."""
    accounts = [f"{sample.system}/{sample.account_id}" for sample in samples]
    rows = connect_to(storage, {"invoices": partition.tables["invoices"]}).execute(
        "SELECT system, account_id, min(invoice_id) FROM invoices "
        "WHERE kind = 'invoice' AND list_contains($1, system || '/' || account_id) GROUP BY ALL",
        [accounts],
    )
    return {(system, account): invoice_id for system, account, invoice_id in rows.fetchall()}


def _read(connection: duckdb.DuckDBPyConnection, sql: str, *values: object) -> list[Sample]:
    return [Sample(*row) for row in connection.execute(sql, list(values)).fetchall()]


_SHAPES = """
CREATE TEMP TABLE shapes AS
SELECT i.invoice_id, i.system, i.account_id, i.kind, i.currency, a.language, coalesce(a.segment, '') AS segment,
  a.name, d.pages, d.remarks, l.plans, l.lines, l.accounts, l.longest
FROM invoices i
JOIN documents d ON d.invoice_id = i.invoice_id
LEFT JOIN accounts a ON a.system = i.system AND a.account_id = i.account_id
LEFT JOIN (
  SELECT invoice_id, list_sort(list_distinct(list(plan))) AS plans, count(*) AS lines,
    count(DISTINCT service_account_id) AS accounts, max(length(description)) AS longest
  FROM invoice_lines GROUP BY 1
) l ON l.invoice_id = i.invoice_id
"""

_KINDS = """
SELECT concat_ws(', ', kind, nullif(segment, ''), language, currency, nullif(array_to_string(plans, ' + '), ''),
    CASE WHEN accounts > 1 THEN 'several accounts' END),
  arg_max(invoice_id, (coalesce(pages, 0), coalesce(lines, 0), invoice_id)) AS chosen,
  arg_max(system, (coalesce(pages, 0), coalesce(lines, 0), invoice_id)),
  arg_max(account_id, (coalesce(pages, 0), coalesce(lines, 0), invoice_id)), count(*) AS bills
FROM shapes
GROUP BY kind, segment, language, currency, plans, accounts > 1
ORDER BY bills DESC, chosen
"""

_EXTREMES = """
SELECT * FROM (
  (SELECT 'the most pages', invoice_id, system, account_id, 1 FROM shapes ORDER BY pages DESC NULLS LAST, 2 LIMIT 1)
  UNION ALL
  (SELECT 'the most lines', invoice_id, system, account_id, 1 FROM shapes ORDER BY lines DESC NULLS LAST, 2 LIMIT 1)
  UNION ALL
  (SELECT 'the fewest lines', invoice_id, system, account_id, 1 FROM shapes ORDER BY lines NULLS LAST, 2 LIMIT 1)
  UNION ALL
  (SELECT 'the longest name', invoice_id, system, account_id, 1 FROM shapes
   ORDER BY length(name) DESC NULLS LAST, 2 LIMIT 1)
  UNION ALL
  (SELECT 'the longest description', invoice_id, system, account_id, 1 FROM shapes
   ORDER BY longest DESC NULLS LAST, 2 LIMIT 1)
)
"""

_FEATURES = """
CREATE TEMP TABLE features AS
SELECT DISTINCT invoice_id, unnest([
  'charge ' || coalesce(plan || ' / ', '') || charge, 'section ' || section, 'metric ' || metric, 'line ' || line_type,
  CASE WHEN difference_of IS NOT NULL THEN 'a correction of an earlier month' END
]) AS feature
FROM invoice_lines
UNION ALL BY NAME
SELECT invoice_id, concat_ws(' ', 'tax', tax_category, rtrim(rtrim((tax_rate * 100)::VARCHAR, '0'), '.') || ' %',
  CASE WHEN reason IS NOT NULL THEN 'with a reason' END) AS feature FROM invoice_taxes
UNION ALL BY NAME
SELECT invoice_id, 'printed with remarks' AS feature FROM shapes WHERE remarks IS NOT NULL
"""

_FEATURES_OF_OTHERS = """
SELECT feature, arg_max(invoice_id, (lines, invoice_id)) AS chosen, arg_max(system, (lines, invoice_id)),
  arg_max(account_id, (lines, invoice_id)), count(DISTINCT invoice_id) AS bills
FROM features JOIN shapes USING (invoice_id)
WHERE feature NOT IN (SELECT feature FROM features WHERE list_contains($1, invoice_id) AND feature IS NOT NULL)
GROUP BY feature ORDER BY bills, feature
"""
