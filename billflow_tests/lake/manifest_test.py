"""Manifests: numbered versions, of which the newest counts; each number is given once."""

import json

import pytest

from billflow.lake.delivered import Delivered, Segment
from billflow.lake.manifest import Ingest, Manifest, TableRun, commit, read_manifest, versions
from billflow.lake.storage import Storage
from billflow_tests.lake.some_lake import moves_of, publication_of, stage


def test_an_empty_lake_is_version_0(storage: Storage) -> None:
    assert versions(storage) == []
    assert read_manifest(storage) == Manifest()


def test_the_newest_version_is_read(storage: Storage) -> None:
    for number in (1, 2, 10):
        commit(storage, Manifest(version=number, run_id=f"r{number}"))
    assert versions(storage) == [1, 2, 10]
    assert read_manifest(storage).run_id == "r10"
    assert read_manifest(storage, 2).run_id == "r2"
    assert read_manifest(storage, 0) == Manifest()


def test_what_was_written_is_read(storage: Storage) -> None:
    staging = stage(storage, "r1")
    manifest = publication_of(staging, moves_of(staging)).onto(Manifest())
    commit(storage, manifest)
    assert read_manifest(storage) == manifest


def test_a_number_is_given_once(storage: Storage) -> None:
    commit(storage, Manifest(version=1, run_id="first"))
    with pytest.raises(FileExistsError):
        commit(storage, Manifest(version=1, run_id="second"))
    assert read_manifest(storage).run_id == "first"


@pytest.mark.parametrize("name", [".00000002.json", "notes.json", "00000002.json.tmp", "x.txt"])
def test_other_files_are_no_versions(storage: Storage, name: str) -> None:
    commit(storage, Manifest(version=1))
    storage.write(f"_manifests/{name}", b"half a")
    assert versions(storage) == [1]
    assert read_manifest(storage).version == 1


def test_table_runs_are_all_folders_that_it_names(storage: Storage) -> None:
    staging = stage(storage, "r1")
    names = ("raw", "accounts", "subscriptions", "usage", "adjustments", "bills", "payments", "quarantine")
    run = {name: TableRun(path=name, rows=0) for name in names}
    ingest = Ingest(
        fingerprint="f",
        run_id="r0",
        raw={"meters": Delivered(segments=(Segment(path="raw", rows=0),), rows=0)},
        accounts=run["accounts"],
        subscriptions=run["subscriptions"],
        usage={"c01|2013-01": run["usage"]},
        adjustments={"c01|2013-01": run["adjustments"]},
        bills=run["bills"],
        payments=run["payments"],
        quarantine={"": run["quarantine"]},
        report={},
    )
    manifest = publication_of(staging, moves_of(staging)).onto(Manifest()).model_copy(update={"ingest": ingest})
    assert {one.path for one in manifest.table_runs()} == set(run) | set(moves_of(staging).values())


def test_a_manifest_from_before_there_were_adjustments_bills_and_payments(storage: Storage) -> None:
    run = {"path": "accounts/run=r0", "rows": 2, "buckets": 2}
    ingest = {"accounts": run, "subscriptions": run, "raw": {}, "usage": {}, "quarantine": {}, "report": {}}
    old = {"version": 1, "run_id": "r0", "ingest": {"fingerprint": "f", "run_id": "r0", **ingest}, "partitions": {}}
    storage.create("_manifests/00000001.json", json.dumps(old).encode())
    found = read_manifest(storage).ingest
    assert found is not None
    assert (found.adjustments, found.bills, found.payments) == ({}, None, None)
    assert list(found.whole_tables()) == ["accounts", "subscriptions"]


def test_a_manifest_from_before_there_were_segments(storage: Storage) -> None:
    run = {"path": "accounts/run=r0", "rows": 2, "buckets": 2}
    raw = {"meters-1": {"path": "raw/delivery=meters-1/run=r0", "rows": 7, "buckets": 0}}
    ingest = {"accounts": run, "subscriptions": run, "raw": raw, "usage": {}, "quarantine": {}, "report": {}}
    old = {"version": 1, "run_id": "r0", "ingest": {"fingerprint": "f", "run_id": "r0", **ingest}, "partitions": {}}
    storage.create("_manifests/00000001.json", json.dumps(old).encode())
    manifest = read_manifest(storage)
    assert manifest.ingest is not None
    found = manifest.ingest.raw["meters-1"]
    assert (found.rows, found.basis, [one.rows for one in found.segments]) == (7, "", [7])
    assert TableRun(path="raw/delivery=meters-1/run=r0", rows=7) in list(manifest.table_runs())
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest
