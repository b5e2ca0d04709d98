"""Templates judged on a real project: `billflow template check`, and the check of a run whose catalogue has changed."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from billflow.documents.templates import PLACES
from billflow.examples import write_energy_small
from billflow.orchestration.launching import dagster_home, open_instance
from billflow_tests.acceptance.runs import do

pytestmark = pytest.mark.slow

CHECK = dg.AssetCheckKey(dg.AssetKey("published_documents"), "documents_after_a_change")


@pytest.fixture(scope="module")
def energy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("templates") / "project"
    write_energy_small(folder)
    return folder


def evaluation(project):
    with open_instance(dagster_home(project)) as instance:
        record = instance.event_log_storage.get_latest_asset_check_execution_by_key([CHECK])[CHECK]
        return record.event.dagster_event.event_specific_data


def test_nothing_published(energy, billflow, tmp_path):
    done = billflow("--project", energy, "template", "check", "--to", tmp_path)
    assert (done.exit_code, str(done.exception).splitlines()[0]) == (2, "lake: nothing is published yet")


def test_a_first_month_is_compared_with_nothing(energy, billflow, tmp_path):
    do(billflow, energy, "run", "2026-05")
    assert evaluation(energy).metadata["changed since last month"].value == "nothing, or no last month"
    done = billflow("--project", energy, "template", "check", "--to", tmp_path / "report")
    assert done.exit_code == 0, done.output
    assert "5 documents, all well" in done.stdout
    assert "no earlier document" in (tmp_path / "report" / "index.html").read_text()


def test_a_run_whose_catalogue_has_changed_shows_what_moved(energy, billflow):
    catalog = energy / "catalog" / "prices.yaml"
    text = catalog.read_text()
    assert "name: Off-peak energy," in text, text
    catalog.write_text(text.replace("name: Off-peak energy,", "name: Night and weekend energy,"))
    do(billflow, energy, "run", "2026-06")
    made = evaluation(energy)
    assert made.passed
    assert made.metadata["changed since last month"].value == "the catalogue"
    assert made.metadata["compared with"].value == "c01|2026-05"
    assert "Night and weekend energy" in made.metadata["documents"].value
    assert "data:image/png;base64," in made.metadata["pages"].value


def test_what_moved_stands_in_the_terminal_and_beside_last_months_pages(energy, billflow, tmp_path):
    target = tmp_path / "report"
    month = ("--cycle", "c01", "--month", "2026-06")
    done = billflow("--project", energy, "template", "check", *month, "--to", target)
    assert done.exit_code == 0, done.output
    assert "4 documents, all well" in done.stdout
    shown = (target / "index.html").read_text()
    assert "Night and weekend energy" in shown
    assert {file.suffix for file in target.iterdir()} == {".html", ".pdf", ".png"}
    assert billflow("--project", energy, "template", "check", "--month", "2026-06").exit_code == 2
    assert billflow("--project", energy, "template", "check", "--cycle", "c01", "--month", "2026-07").exit_code == 2


def test_a_template_that_prints_over_itself_and_one_that_is_broken(energy, billflow, tmp_path):
    own = energy / "templates" / "components"
    own.mkdir(parents=True)
    taxes = (next(place for place in PLACES if place.is_dir()) / "components" / "taxes.typ").read_text()
    try:
        own.joinpath("taxes.typ").write_text(taxes + '\n#let tax-table(bill, labels) = place(dy: -300pt, "over")\n')
        done = billflow("--project", energy, "template", "check", "--to", tmp_path)
        assert done.exit_code == 1
        assert "is lost" in done.stdout or "not on" in done.stdout
        own.joinpath("taxes.typ").write_text(taxes + "\n#let tax-table(bill, labels) = nonsense\n")
        done = billflow("--project", energy, "template", "check", "--to", tmp_path)
        assert done.exit_code == 2
        assert "components/taxes.typ" in str(done.exception)
    finally:
        shutil.rmtree(energy / "templates")
