"""What belongs to which job. Nothing runs here."""

from pathlib import Path

import dagster as dg
import pytest

from billflow.examples import write_energy_small
from billflow.orchestration.jobs import COMPARE, COMPARISON, CONFIRM, CONFIRMATION, JOB, WRITING_BACK


@pytest.fixture
def definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.Definitions:
    write_energy_small(tmp_path / "p")
    monkeypatch.setenv("BILLFLOW_PROJECT", str(tmp_path / "p"))
    from billflow.definitions import build_definitions

    return build_definitions()


@pytest.fixture
def with_sinks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.Definitions:
    write_energy_small(tmp_path / "p")
    settings = tmp_path / "p" / "billflow.yaml"
    sinks = 'sinks: [{name: erp, kind: sql, url: "sqlite:///erp.db", tables: {invoices: {}}}]'
    settings.write_text(f"{settings.read_text()}\n{sinks}\n")
    monkeypatch.setenv("BILLFLOW_PROJECT", str(tmp_path / "p"))
    from billflow.definitions import build_definitions

    return build_definitions()


def assets_of(definitions: dg.Definitions, job: str) -> set[str]:
    layer = definitions.resolve_job_def(job).asset_layer
    return {key.to_user_string() for key in layer.executable_asset_keys}


def test_a_bill_run_confirms_nothing(definitions):
    billed = assets_of(definitions, JOB)
    assert "published_documents" in billed
    assert billed.isdisjoint(CONFIRMATION)


def test_a_confirmation_bills_nothing(definitions):
    assert assets_of(definitions, CONFIRM) == set(CONFIRMATION)


def test_a_comparison_bills_nothing(definitions):
    assert assets_of(definitions, COMPARE) == set(COMPARISON)


def test_writing_back_follows_a_bill_run_and_a_confirmation(with_sinks):
    assert WRITING_BACK in assets_of(with_sinks, JOB)
    assert assets_of(with_sinks, CONFIRM) == {*CONFIRMATION, WRITING_BACK}


def test_without_sinks_nothing_is_written_back(definitions):
    assert WRITING_BACK not in assets_of(definitions, JOB)


def test_every_asset_is_in_one_of_the_three(definitions):
    every = {key.to_user_string() for key in definitions.resolve_asset_graph().executable_asset_keys}
    jobs = (JOB, CONFIRM, COMPARE)
    assert set.union(*(assets_of(definitions, job) for job in jobs)) == every
    assert sum(len(assets_of(definitions, job)) for job in jobs) == len(every)


def test_the_check_of_numbers_blocks(definitions):
    key = dg.AssetCheckKey(dg.AssetKey("confirmed_bills"), "numbers_are_gapless")
    assert definitions.resolve_asset_graph().get_check_spec(key).blocking


def test_each_is_of_one_cycle_and_month(definitions):
    for job in (JOB, CONFIRM, COMPARE):
        assert isinstance(definitions.resolve_job_def(job).partitions_def, dg.MultiPartitionsDefinition)
