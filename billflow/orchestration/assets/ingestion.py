"""Source → raw → canonical."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import dagster as dg
from pydantic import Field

from billflow.catalog import parse_catalog
from billflow.documents.templates import check_own_templates
from billflow.lake.manifest import Ingest, Manifest, TableRun, read_manifest
from billflow.lake.publishing import run_folder
from billflow.lake.staging import Staging
from billflow.orchestration.bill_run import BillRun
from billflow.orchestration.partitions import Partition
from billflow.orchestration.project import Project
from billflow.orchestration.steps import POOL, RETRY, as_markdown, described, explained, tabular
from billflow.sources.deliveries import Delivery, check_sources, undisturbed
from billflow.sources.delivering import RawTables, Read, deliver, delivered
from billflow.sources.drift import KnownColumns, columns_of, new_columns
from billflow.sources.ingestion import Ingestion, bucket_count, fingerprint
from billflow.sources.opening import Earlier, OpenDelivery, expressions_read, opened_deliveries

CANONICAL = ("accounts", "subscriptions", "usage", "adjustments", "bills", "payments", "quarantine")


class Reading(dg.Config):
    """How the sources are read."""

    whole: bool = Field(default=False, description="Read all rows again, those too that were read before.")


@dg.asset(group_name="sources", kinds={"parquet"}, retry_policy=RETRY, pool=POOL)
def raw(context: dg.AssetExecutionContext, config: Reading, project: Project) -> dg.MaterializeResult[Any]:
    """Rows as the sources deliver them, copied to the lake; those that are there already are not read again."""
    with explained(context.log), ExitStack() as sources:
        run = BillRun(context, project)
        head = read_manifest(run.storage)
        head.check_open(run.partition.key)
        check_sources(run.settings)
        sources.enter_context(undisturbed(run.settings))
        check_own_templates(run.settings.templates, run.settings.documents)
        texts = project.catalog_texts()
        print_ = fingerprint(run.settings, parse_catalog(texts, where="catalog"))

        def opened(base: Manifest) -> dict[Delivery, OpenDelivery]:
            return sources.enter_context(opened_deliveries(run.spark, run.settings, _earlier(run, base, config)))

        # Mistakes show before anything is written.
        found = None if _known(head, print_, config) else opened(head)
        staging = Staging.begin(run.storage, run.root, run.partition.key)
        staging.note("catalog", texts)
        base = staging.base()
        known = _known(base, print_, config)
        if known:
            staging.note("ingestion", known.model_dump())
            rows, read, how = {name: one.rows for name, one in known.raw.items()}, _read(known), {}
        else:
            # Only what the base names stays while this run lives.
            found = found if found and base.ingest == head.ingest else opened(base)
            new = deliver(found, staging)
            rows, read, how = {name: one.table.rows for name, one in new.items()}, _columns_read(run, base), _how(new)
        staging.note("raw", {"fingerprint": print_, "rows": rows, "reused": known is not None, "read": read})
        shown = {"deliveries": rows, "columns": read["columns"], "new columns": read["new_columns"], **how}
        return dg.MaterializeResult(
            metadata={"dagster/row_count": sum(rows.values()), **shown, "unchanged": known is not None, **run.healed()}
        )


def _earlier(run: BillRun, base: Manifest, config: Reading) -> Earlier:
    return Earlier(run.storage, _known_columns(base), base.ingest.raw if base.ingest else {}, config.whole)


def _how(read: dict[str, Read]) -> dict[str, dg.TableMetadataValue]:
    """Of each delivery whether all rows were read, and why, or those that are new beside those that are kept."""
    rows = [
        (name, "whole" if one.why_whole else "what is new", one.rows, one.kept, one.why_whole)
        for name, one in sorted(read.items())
    ]
    return {"how each was read": tabular(("delivery", "read", "rows read", "rows kept", "why whole"), rows)}


def _known_columns(manifest: Manifest) -> dict[str, KnownColumns]:
    """What the last ingestion has read."""
    ingest = manifest.ingest
    columns = ingest.columns if ingest else {}
    return {name: KnownColumns(found, ingest.expressions.get(name, ())) for name, found in columns.items() if ingest}


def _columns_read(run: BillRun, base: Manifest) -> dict[str, Any]:
    """Columns, expressions and new columns of an ingestion, as the manifest has them."""
    known, raw = _known_columns(base), RawTables(run.spark, run.staging)
    frames = {name: raw.rows(name) for name in delivered(run.staging)}
    new = {name: new_columns(known[name], rows) for name, rows in frames.items() if name in known}
    return {
        "columns": {name: columns_of(rows) for name, rows in frames.items()},
        "expressions": expressions_read(run.settings),
        "new_columns": {name: found for name, found in new.items() if found},
    }


def _read(ingest: Ingest) -> dict[str, Any]:
    return {"columns": ingest.columns, "new_columns": {name: list(new) for name, new in ingest.new_columns.items()}}


def _known(manifest: Manifest, print_: str, config: Reading) -> Ingest | None:
    """The published ingestion when it is of the sources as they are now, and they are not to be read again."""
    is_known = manifest.ingest and manifest.ingest.fingerprint == print_
    return manifest.ingest if is_known and not config.whole else None


_DESCRIPTIONS = {
    "accounts": "Customers that keep the rules, one row a key, laid out by account.",
    "subscriptions": "What each account has subscribed to, and when.",
    "usage": "Usage that keeps the rules, each event once, placed in its cycle and month.",
    "adjustments": "One-off charges and credits, placed in the cycle and month of their date.",
    "bills": "Lines of bills that other systems made.",
    "payments": "What customers have paid, and what was paid back.",
    "quarantine": "Rows that break a rule: the codes, the reason and the row as delivered.",
}


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            name, deps=[raw], group_name="canonical", kinds={"spark", "parquet"}, description=_DESCRIPTIONS[name]
        )
        for name in CANONICAL
    ],
    retry_policy=RETRY,
    pool=POOL,
)
def canonical(context: dg.AssetExecutionContext, project: Project) -> Iterator[dg.MaterializeResult[Any]]:
    """Every delivered row is judged: valid, an identical duplicate, or quarantined with its reason."""
    with explained(context.log):
        run = BillRun(context, project)
        if not run.staging.noted("raw")["reused"]:
            _ingest(run)
        run.staging.note("ingest", {"buckets": run.ingest.accounts.buckets})
        healed = run.healed()
        report = run.ingest.report
        yield _result("accounts", run.accounts(), report["customers"], **_merged(report))
        yield _result("subscriptions", run.subscriptions(), report["subscriptions"])
        yield _result("usage", run.usage(), _whole(report["usage"]))
        yield _result("adjustments", run.adjustments(), _whole(report.get("adjustments", {})))
        yield _result("bills", run.bills(), report.get("bills", {}))
        yield _result("payments", run.payments(), report.get("payments", {}))
        yield dg.MaterializeResult(
            "quarantine",
            metadata={
                "by table, cycle and month": as_markdown(report["quarantine"]),
                "mended": run.ingest.mended,
                **healed,
            },
        )


def _result(name: str, rows: Any, report: dict[str, dict[str, str]], **more: Any) -> dg.MaterializeResult[Any]:
    count = int(report.get("valid", {"rows": "0"})["rows"])
    return dg.MaterializeResult(name, metadata=described(rows, count, verdicts=as_markdown(report), **more))


def _merged(report: dict[str, dict[str, dict[str, str]]]) -> dict[str, int]:
    """How many pairs of accounts are left for people to decide; nothing where accounts are not merged."""
    if "merge_candidates" not in report:
        return {}
    return {"pairs to decide on (merge_candidates)": int(report["merge_candidates"]["valid"]["rows"])}


def _whole(report: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {verdict: one for verdict, one in report.items() if "|" not in verdict}


def _ingest(run: BillRun) -> None:
    noted = run.staging.noted("raw")
    cores = run.spark.sparkContext.defaultParallelism
    buckets = bucket_count(sum(noted["rows"].values()), cores)
    before = run.staging.base().ingest
    ingestion = Ingestion(run.spark, run.settings, run.catalog, run.staging, buckets, before)
    ingest = _described_ingest(run, noted, buckets, ingestion.run())
    run.staging.note("ingestion", ingest.model_copy(update={"mended": ingestion.mended}).model_dump())


def _described_ingest(run: BillRun, noted: dict[str, Any], buckets: int, report: dict[str, Any]) -> Ingest:
    """What the ingestion will be called once it is published, with the rows counted in each table."""

    def whole(name: str, counted: str) -> TableRun:
        rows = int(report[counted].get("valid", {"rows": "0"})["rows"])
        return TableRun(path=run_folder(name, run.root), rows=rows, buckets=buckets)

    def placed(name: str) -> dict[str, TableRun]:
        valid = {key.removeprefix("valid|"): one for key, one in report[name].items() if key.startswith("valid|")}
        return {key: _placed(name, run, key, int(one["rows"]), buckets) for key, one in valid.items()}

    def merged(name: str) -> TableRun | None:
        return whole(name, name) if run.settings.merging else None

    return Ingest(
        fingerprint=noted["fingerprint"],
        run_id=run.root,
        raw=delivered(run.staging),
        accounts=whole("accounts", "customers"),
        subscriptions=whole("subscriptions", "subscriptions"),
        usage=placed("usage"),
        adjustments=placed("adjustments"),
        bills=whole("bills", "bills") if run.settings.gives("bills") else None,
        payments=whole("payments", "payments") if run.settings.gives("payments") else None,
        crosswalk=merged("crosswalk"),
        customer_accounts=merged("customer_accounts"),
        merge_candidates=merged("merge_candidates"),
        quarantine=_quarantines(run, report["quarantine"]),
        report=report,
        **noted["read"],
    )


def _placed(table: str, run: BillRun, key: str, rows: int, buckets: int) -> TableRun:
    placed = Partition.of(key).placed if key else None
    return TableRun(path=run_folder(table, run.root, placed), rows=rows, buckets=buckets)


def _quarantines(run: BillRun, report: dict[str, dict[str, str]]) -> dict[str, TableRun]:
    rows: dict[str, int] = {}
    for name, one in report.items():
        _, cycle, month = name.split("|")
        key = f"{cycle}|{month}" if month else ""
        rows[key] = rows.get(key, 0) + int(one["rows"])
    return {key: _placed("quarantine", run, key, count, 0) for key, count in rows.items()}
