"""The bill run as its users meet it: two months in one process, repeated, read, and fed with garbage."""

import json
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from pypdf import PdfReader

from billflow.examples import write_energy_small, write_telecom
from billflow.lake.manifest import read_manifest
from billflow.lake.publishing import _run_folders
from billflow_tests.acceptance import telecom_oracle
from billflow_tests.acceptance.runs import lake


@pytest.fixture(scope="module")
def energy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with its lake in a folder; `confirm_test` and `crash_test` have theirs on HDFS."""
    folder = tmp_path_factory.mktemp("energy") / "project"
    write_energy_small(folder)
    return folder


TABLES = ("invoices", "invoice_lines", "invoice_taxes", "documents", "held")


def test_two_months_in_one_process(energy, billflow, rows):
    result = billflow("--project", energy, "run", "--cycle", "c01", "--month", "2026-05", "--month", "2026-06")
    assert result.exit_code == 0, result.output
    invoices = rows(
        energy,
        "select month, count(*) as n, sum(total) = sum(net) + sum(tax) as adds_up from invoices group by 1 order by 1",
    )
    assert [(row["month"], row["n"], row["adds_up"]) for row in invoices] == [
        ("2026-05", 6, True),
        ("2026-06", 6, True),
    ]


def test_every_line_has_a_document_and_sums_up(energy, rows):
    wrong = rows(
        energy,
        """select i.invoice_id from invoices i
        left join (select invoice_id, sum(net) as net from invoice_lines group by 1) l using (invoice_id)
        left join documents d using (invoice_id)
        where l.net is distinct from i.net or d.pages is null or d.bytes < 1000""",
    )
    assert wrong == []


def test_run_twice_is_run_once(energy, billflow, rows):
    before = {table: rows(energy, f"select * from {table} order by all") for table in TABLES}
    result = billflow("--project", energy, "run", "--cycle", "c01", "--month", "2026-05")
    assert result.exit_code == 0, result.output
    assert before["invoice_lines"]
    assert {table: rows(energy, f"select * from {table} order by all") for table in TABLES} == before


def test_an_unchanged_source_is_not_read_again(energy):
    manifest = read_manifest(lake(energy))
    usage = {run.path for partition in manifest.partitions.values() for run in partition.tables["usage"]}
    assert manifest.ingest is not None
    assert all(f"run={manifest.ingest.run_id}" in path for path in usage)


def test_nothing_is_left_behind(energy):
    storage = lake(energy)
    manifest = read_manifest(storage)
    recent = {
        run.path
        for version in range(manifest.version - 2, manifest.version + 1)
        for run in read_manifest(storage, version).table_runs()
    }
    assert set(_run_folders(storage)) <= recent
    assert storage.list("_staging") == []


def test_pdf_shows_the_total(energy, billflow, rows, tmp_path):
    invoice = rows(energy, "select invoice_id, total::varchar as total from invoices order by total desc limit 1")[0]
    target = tmp_path / "bill.pdf"
    assert billflow("--project", energy, "pdf", invoice["invoice_id"], "-o", target).exit_code == 0
    text = "".join(page.extract_text() for page in PdfReader(target).pages)
    assert f"{Decimal(invoice['total']):,.2f}" in text


def test_pdf_of_no_invoice(energy, billflow):
    result = billflow("--project", energy, "pdf", "nonsense")
    assert result.exit_code == 2
    assert "no invoice 'nonsense'" in str(result.exception)


def test_export_to_folder_and_zip(energy, billflow, rows, tmp_path):
    ids = {row["invoice_id"] for row in rows(energy, "select invoice_id from invoices where month = '2026-06'")}
    for target in (tmp_path / "bills", tmp_path / "bills.zip"):
        result = billflow("--project", energy, "export", "--cycle", "c01", "--month", "2026-06", "--to", target)
        assert result.exit_code == 0, result.output
    assert {path.stem for path in (tmp_path / "bills").glob("*.pdf")} == ids
    with ZipFile(tmp_path / "bills.zip") as archive:
        assert {name.removesuffix(".pdf") for name in archive.namelist()} == ids
        assert len(PdfReader(BytesIO(archive.read(archive.namelist()[0]))).pages) >= 1


def test_status_names_both_months(energy, billflow):
    output = billflow("--project", energy, "status").output
    assert "2026-05" in output
    assert "2026-06" in output
    assert "draft" in output


@pytest.mark.parametrize(
    ("shape", "expected"),
    [("csv", "n,what\n1.50,\n"), ("json", '[{"n":1.50,"what":null}]\n')],
)
def test_query_formats(energy, billflow, shape, expected):
    assert (
        billflow("--project", energy, "query", "select 1.50 as n, null as what", "--format", shape).output == expected
    )


def test_query_that_is_wrong(energy, billflow):
    result = billflow("--project", energy, "query", "select nothing from nowhere")
    assert result.exit_code == 2
    assert "nowhere" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["--cycle", "c99", "--month", "2026-05"], "no cycle 'c99'"),
        (["--cycle", "c01", "--month", "May"], "'May' is not a month"),
        (["--cycle", "c01", "--month", "2026-04"], "before the project's first_month"),
        (["--cycle", "c01", "--month", "2999-01"], "has not ended"),
    ],
)
def test_runs_that_cannot_be(energy, billflow, arguments, fragment):
    result = billflow("--project", energy, "run", *arguments)
    assert result.exit_code == 2
    assert fragment in str(result.exception)


def test_later_verbs_say_so(billflow):
    result = billflow("serve", "--cycle", "c01")
    assert result.exit_code == 2
    assert "not in this version" in str(result.exception)


def test_a_mapping_that_names_no_column_writes_nothing(tmp_path, billflow):
    write_energy_small(tmp_path / "p")
    file = tmp_path / "p" / "billflow.yaml"
    file.write_text(file.read_text().replace("quantity: kwh", "quantity: kwhh"))
    result = billflow("--project", tmp_path / "p", "run", "--cycle", "c01", "--month", "2026-05")
    assert result.exit_code == 2
    assert "sources.meters.tables.usage[0].columns.quantity" in result.stderr
    assert "kwhh" in result.stderr
    assert not (tmp_path / "p" / "lake").exists()


@pytest.mark.usefixtures("compiled")  # as a base of more than a few customers is; the few above are interpreted
def test_telecom_agrees_with_an_independent_program(tmp_path, billflow, rows):
    example = write_telecom(tmp_path / "p", customers=60)
    result = billflow("--project", example.folder, "run", "--cycle", example.cycle, "--month", example.month)
    assert result.exit_code == 0, result.output
    expected = telecom_oracle.expected(example.folder, example.month)
    billed = rows(
        example.folder,
        "select account_id, net::varchar as net, tax::varchar as tax, total::varchar as total from invoices",
    )
    amounts = {row["account_id"]: tuple(Decimal(row[name]) for name in ("net", "tax", "total")) for row in billed}
    assert amounts == {account: (one.net, one.tax, one.total) for account, one in expected.invoices.items()}
    assert rows(example.folder, "select count(*) as n from quarantine")[0]["n"] == sum(expected.quarantined.values())
    shown = rows(example.folder, "select row, reason, len(rules) as n from quarantine")
    assert all(json.loads(row["row"]) and row["reason"] and row["n"] for row in shown)


def test_a_broken_template_is_refused_before_anything_is_written(tmp_path, billflow):
    folder = tmp_path / "project"
    write_energy_small(folder)
    component = folder / "templates" / "components" / "taxes.typ"
    component.parent.mkdir(parents=True)
    component.write_text("#let tax-table(bill, labels) = {\n  bill.nothing\n")
    result = billflow("--project", folder, "run", "--cycle", "c01", "--month", "2026-05")
    assert result.exit_code == 2
    assert "components/taxes.typ:1" in str(result.exception)
    assert not (folder / "lake").exists()
