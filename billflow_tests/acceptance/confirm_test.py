"""Drafts made final as users do it: run, confirm, read, verify; and what is refused from then on."""

import hashlib
import json
import shutil
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest
from jsonschema import Draft202012Validator
from pypdf import PdfReader

from billflow import __version__
from billflow.documents.einvoice.facturx import attached_einvoice
from billflow.documents.einvoice.reading import read_einvoice
from billflow.documents.schemas import payload_schema
from billflow.documents.templates import PLACES
from billflow.examples import write_energy_small
from billflow.lake.catalogs import kept_catalog
from billflow.lake.confirming import Confirming
from billflow.lake.manifest import PublishedPartition, read_manifest
from billflow.orchestration.closing import reason_begun
from billflow.orchestration.launching import dagster_home, execute, open_instance
from billflow.orchestration.partitions import Partition
from billflow.orchestration.project import Project
from billflow_tests.acceptance.runs import lake, put_on, version
from billflow_tests.servers.hdfs import Hdfs

pytestmark = pytest.mark.slow

MAY, JUNE = Partition("c01", "2026-05"), Partition("c01", "2026-06")


@pytest.fixture(scope="module")
def energy(hdfs: Hdfs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with its lake on HDFS; `correct_test` and `late_usage_test` confirm in folders."""
    folder = tmp_path_factory.mktemp("confirm") / "project"
    write_energy_small(folder)
    settings = folder / "billflow.yaml"
    settings.write_text(settings.read_text() + "\ndocuments: {einvoice: factur-x}\n")
    put_on(folder, hdfs)
    return folder


def of(partition: Partition) -> list[str]:
    return ["--cycle", partition.cycle, "--month", partition.month]


def published(project: Path, partition: Partition) -> PublishedPartition:
    return read_manifest(lake(project)).partitions[partition.key]


def test_what_is_not_published_cannot_be_confirmed(energy, billflow):
    result = billflow("--project", energy, "confirm", *of(MAY))
    assert result.exit_code == 2
    assert "c01|2026-05 cannot be confirmed: it is not published" in str(result.exception)
    assert "billflow run --cycle c01 --month 2026-05" in str(result.exception)
    assert billflow("--project", energy, "confirm", "--cycle", "c9", "--month", "2026-05").exit_code == 2


def test_a_run_keeps_its_catalogue(energy, billflow):
    assert billflow("--project", energy, "run", *of(MAY), "--month", "2026-06").exit_code == 0
    texts = {file.name: file.read_text() for file in (energy / "catalog").iterdir()}
    for partition in (MAY, JUNE):
        assert kept_catalog(lake(energy), published(energy, partition).catalog) == texts
        assert published(energy, partition).fingerprint
        assert published(energy, partition).code_version.startswith(f"{__version__}+")


def test_a_check_that_fails_confirms_nothing(energy, billflow, monkeypatch):
    monkeypatch.setattr(Confirming, "problems", lambda _: ["series invoice|2026 has 5 invoices for 6 numbers"])
    before = version(energy)
    result = billflow("--project", energy, "confirm", *of(MAY))
    assert result.exit_code == 1
    assert "check numbers_are_gapless: series invoice|2026 has 5 invoices for 6 numbers" in result.stderr
    assert version(energy) == before
    assert published(energy, MAY).status == "draft"
    refused = billflow("--project", energy, "export", *of(MAY), "--to", energy / "xml", "--format", "ubl")
    assert (refused.exit_code, (energy / "xml").exists()) == (2, False)


def test_confirm(energy, billflow, rows):
    """In the order of confirmation, not of months; a catalogue edited since the run does not matter."""
    drafts = rows(energy, "select * exclude (invoice_number, status) from invoices order by all")
    staged = lake(energy).list("_staging")  # of the confirmation that failed, whose process lives
    for file in (energy / "catalog").iterdir():
        file.write_text(file.read_text() + "\n# prices of next year\n")
    june = billflow("--project", energy, "confirm", *of(JUNE))
    assert june.exit_code == 0, june.output
    assert "still drafts, whose numbers will come after these: c01|2026-05" in june.stderr
    assert "c01|2026-06 is confirmed: 6 invoices, INV-2026-00000001 – INV-2026-00000006" in june.stdout
    may = billflow("--project", energy, "confirm", *of(MAY))
    assert may.exit_code == 0, may.output
    assert "warning" not in may.stderr
    found = rows(energy, "select month, account_id, invoice_number, status from invoices order by invoice_number")
    assert [row["invoice_number"] for row in found] == [f"INV-2026-{number:08d}" for number in range(1, 13)]
    assert [(row["month"], row["account_id"]) for row in found] == [
        (month, f"H00{account}") for month in ("2026-06", "2026-05") for account in range(1, 7)
    ]
    assert {row["status"] for row in found} == {"confirmed"}
    assert rows(energy, "select * exclude (invoice_number, status) from invoices order by all") == drafts
    assert lake(energy).list("_staging") == staged


def test_the_pdf_shows_the_number(energy, billflow, tmp_path):
    target = tmp_path / "bill.pdf"
    assert billflow("--project", energy, "pdf", "INV-2026-00000008", "-o", target).exit_code == 0
    text = "".join(page.extract_text() for page in PdfReader(target).pages)
    assert "INV-2026-00000008" in text
    assert "draft" not in text.lower()


def test_the_document_again_is_the_same_bytes(energy, billflow, tmp_path):
    kept, again = tmp_path / "kept.pdf", tmp_path / "again.pdf"
    assert billflow("--project", energy, "pdf", "INV-2026-00000008", "-o", kept).exit_code == 0
    done = billflow("--project", energy, "pdf", "INV-2026-00000008", "--again", "-o", again)
    assert (done.exit_code, done.stderr) == (0, "the same bytes as the document that is kept\n")
    assert again.read_bytes() == kept.read_bytes()


def test_the_document_again_with_other_templates(energy, billflow, tmp_path):
    own = energy / "templates" / "locales" / "en.json"
    own.parent.mkdir(parents=True)
    templates = next(place for place in PLACES if place.is_dir())
    shipped = json.loads((templates / "locales" / "en.json").read_text())
    own.write_text(json.dumps({**shipped, "amount_due": "What you owe"}))
    try:
        done = billflow("--project", energy, "pdf", "INV-2026-00000008", "--again", "-o", tmp_path / "again.pdf")
    finally:
        shutil.rmtree(energy / "templates")
    assert done.exit_code == 0
    assert done.stderr.startswith("other than the document that is kept: its templates were ")
    assert "WHAT YOU OWE" in PdfReader(tmp_path / "again.pdf").pages[0].extract_text()


def test_what_a_document_was_made_from(energy, billflow, rows, tmp_path):
    target = tmp_path / "bill.json"
    assert billflow("--project", energy, "pdf", "INV-2026-00000008", "--payload", "-o", target).exit_code == 0
    content = target.read_bytes()
    payload = json.loads(content)
    Draft202012Validator(payload_schema()).validate(payload)
    assert payload["invoice"]["invoice_number"] == "INV-2026-00000008"
    sql = f"select payload_sha256 from documents where invoice_id = '{payload['invoice']['invoice_id']}'"
    assert rows(energy, sql) == [{"payload_sha256": hashlib.sha256(content).hexdigest()}]


def totals(rows, energy, partition):
    found = rows(energy, f"select invoice_id, total::varchar as total from invoices where month = '{partition.month}'")
    return {row["invoice_id"]: Decimal(row["total"]) for row in found}


def test_each_pdf_brings_its_einvoice(energy, billflow, rows, tmp_path):
    assert billflow("--project", energy, "export", *of(MAY), "--to", tmp_path).exit_code == 0
    files = {file.stem: read_einvoice(attached_einvoice(file.read_bytes())) for file in tmp_path.iterdir()}
    assert {name: one.total for name, one in files.items()} == totals(rows, energy, MAY)


@pytest.mark.parametrize("shape", ["cii", "ubl"])
def test_export_of_einvoices(energy, billflow, rows, tmp_path, shape):
    done = billflow("--project", energy, "export", *of(MAY), "--to", tmp_path, "--format", shape)
    assert (done.exit_code, done.stdout) == (0, f"wrote 6 e-invoices ({shape}) to {tmp_path}\n")
    files = {file.stem: read_einvoice(file.read_bytes()) for file in tmp_path.iterdir()}
    assert {name: one.total for name, one in files.items()} == totals(rows, energy, MAY)
    assert sorted(one.number for one in files.values()) == [f"INV-2026-{number:08d}" for number in range(7, 13)]


def test_export_of_documents_whose_payload_an_earlier_version_did_not_keep(energy, billflow, tmp_path, monkeypatch):
    for folder in ("kept", "tables"):
        done = billflow("--project", energy, "export", *of(MAY), "--to", tmp_path / folder, "--format", "cii")
        assert (done.exit_code, len(list((tmp_path / folder).iterdir()))) == (0, 6)
        monkeypatch.setattr("billflow.cli.exporting.store.iter_payloads", lambda *_, **__: iter(()))
    for file in (tmp_path / "kept").iterdir():
        assert (tmp_path / "tables" / file.name).read_bytes() == file.read_bytes()


def test_an_endpoint_that_the_seller_has_only_said_since(energy, billflow, tmp_path, monkeypatch):
    monkeypatch.setenv("BILLFLOW_SELLER__ENDPOINT", "51824753556")
    monkeypatch.setenv("BILLFLOW_SELLER__ENDPOINT_SCHEME", "0151")
    done = billflow("--project", energy, "export", *of(MAY), "--to", tmp_path, "--format", "ubl")
    assert done.exit_code == 0, done.output
    assert all('schemeID="0151">51824753556<' in file.read_text() for file in tmp_path.iterdir())


def test_export_tells_what_a_customization_lacks(energy, billflow, tmp_path):
    done = billflow("--project", energy, "export", *of(MAY), "--to", tmp_path / "peppol.zip", "--format", "peppol")
    assert done.exit_code == 3
    assert "6 bills cannot be e-invoices" in done.stderr
    assert "wrote 0 e-invoices" in done.stdout


def test_every_document_is_the_final_one(energy, rows):
    found = rows(
        energy, "select count(*) as n, count(distinct invoice_id) as ids, count(sha256) as made from documents"
    )
    assert found == [{"n": 12, "ids": 12, "made": 12}]


def test_status(energy, billflow):
    output = billflow("--project", energy, "status").output
    assert "INV-2026-00000007 – INV-2026-00000012" in output
    assert "draft" not in output


def test_again_is_once(energy, billflow):
    before = version(energy)
    result = billflow("--project", energy, "confirm", *of(MAY))
    assert result.exit_code == 0
    assert "is confirmed already: 6 invoices, INV-2026-00000007 – INV-2026-00000012" in result.output
    assert version(energy) == before


def test_it_is_not_billed_again(energy, billflow):
    before = version(energy)
    result = billflow("--project", energy, "run", *of(MAY), "--month", "2026-06")
    assert result.exit_code == 2
    assert "c01|2026-05 is confirmed" in str(result.exception)
    assert "credit note" in str(result.exception)
    assert version(energy) == before


@pytest.mark.parametrize(("job", "exit_code"), [("bill_run", 2), ("confirm", 0)])
@pytest.mark.usefixtures("billflow")
def test_dagster_does_not_do_it_again_either(energy, monkeypatch, job, exit_code):
    """As the UI and a backfill start it: nothing has looked at the partition before."""
    from billflow.definitions import build_definitions

    monkeypatch.setenv("BILLFLOW_PROJECT", str(energy))
    before = version(energy), lake(energy).list("_staging")
    with open_instance(dagster_home(energy)) as instance:
        outcome = execute(build_definitions(), instance, MAY, lambda *_: None, job_name=job)
    assert outcome.exit_code == exit_code, outcome
    assert "is confirmed" in "".join(outcome.reasons) or not exit_code
    assert (version(energy), lake(energy).list("_staging")) == before


def test_no_sensor_starts_it(energy):
    with dg.DagsterInstance.ephemeral() as instance:
        assert reason_begun(Project(folder=str(energy)), MAY, instance) == "c01|2026-05 is confirmed"


def test_verify(energy, billflow):
    result = billflow("--project", energy, "verify")
    assert result.exit_code == 0, result.output
    assert [line.split(":")[0] for line in result.output.splitlines()] == ["✓ c01|2026-06", "✓ c01|2026-05"]
    one = billflow("--project", energy, "verify", *of(MAY))
    assert (one.exit_code, one.output.count("✓")) == (0, 1)
    assert billflow("--project", energy, "verify", "--cycle", "c01", "--month", "2026-07").exit_code == 2


def test_verify_finds_a_flipped_byte(energy, billflow):
    storage = lake(energy)
    place = published(energy, MAY).tables["invoice_lines"][0].path
    name = next(name for name in storage.list(place) if name.endswith(".parquet"))
    content = storage.read(f"{place}/{name}")
    at = len(content) // 2
    storage.write(f"{place}/{name}", content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    result = billflow("--project", energy, "verify")
    storage.write(f"{place}/{name}", content)
    assert result.exit_code == 1
    assert "✗ c01|2026-05: the files of invoice_lines are not the ones that were confirmed" in result.output
    assert "✓ c01|2026-06" in result.output
    assert billflow("--project", energy, "verify").exit_code == 0


def test_verify_of_a_lake_without_confirmed_bills(tmp_path, billflow):
    write_energy_small(tmp_path / "p")
    result = billflow("--project", tmp_path / "p", "verify")
    assert (result.exit_code, "nothing is confirmed yet" in result.output) == (0, True)
