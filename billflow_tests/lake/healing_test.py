"""What is healed by itself: noted once, kept in the lake, the newest records only, and never with a password."""

from collections.abc import Iterator
from functools import partial

import pytest
import requests
from hdfs import HdfsError

from billflow.lake import healed as records
from billflow.lake.healed import healed, keep
from billflow.lake.healing import action, note, summed, taken
from billflow.lake.storage import LocalStorage
from billflow.lake.webhdfs import tried


@pytest.fixture(autouse=True)
def nothing_noted():
    taken()
    yield
    taken()


def test_alike_ones_are_one():
    note(action("asked again", "a", "away", waited=0.5), action("asked again", "b", "away"))
    note(action("asked again", "a", "away", waited=1))
    assert [(one.where, one.times, one.waited) for one in taken()] == [("a", 2, 1.5), ("b", 1, 0)]
    assert taken() == []


def test_many_that_differ_are_counted_all_the_same():
    found = summed(action("asked again", "a", f"error {at}") for at in range(1000))
    assert len(found) <= 101
    assert sum(one.times for one in found) == 1000


def test_an_action_is_a_line_without_passwords():
    one = action(
        "asked again", "crm (postgresql://u:secret@db/x)", "no\n  answer: password=secret", times=2, waited=1.5
    )
    assert str(one) == "asked again 2 times, crm (postgresql://u:…@db/x): no answer: password=… (waited 1.5 s)"


def test_records_are_kept_the_newest_only(storage, monkeypatch):
    monkeypatch.setattr(records, "_KEPT", 2)
    for run in ("r1", "r2", "r3"):
        keep(storage, [action("asked again", "a", "away")], by=run, key="c01|2026-05")
    keep(storage, [], by="r4")
    assert [(one.by, one.key, one.actions[0].where) for one in healed(storage)] == [
        ("r3", "c01|2026-05", "a"),
        ("r2", "c01|2026-05", "a"),
    ]
    assert [one.by for one in healed(storage, by="r2")] == ["r2"]


def test_a_record_that_cannot_be_read_or_written_stops_nobody(tmp_path):
    storage = LocalStorage(str(tmp_path / "lake"))
    keep(storage, [action("asked again", "a", "away")], by="r1")
    storage.write(f"{records.FOLDER}/99999999T000000000000-r2.json", b"{")
    assert [one.by for one in healed(storage)] == ["r1"]
    (tmp_path / "file").write_text("")
    keep(LocalStorage(str(tmp_path / "file")), [action("asked again", "a", "away")], by="r1")


GONE = (
    "Call From vm/127.0.0.1 to localhost:16940 failed on socket exception: java.net.SocketException: Connection reset"
)


@pytest.mark.parametrize(
    ("error", "waited"),
    [
        (requests.ConnectionError("delegation=secret&op=OPEN: away"), 0.1),
        (HdfsError(GONE, exception="SocketException"), 0.5),  # a DataNode says so of the NameNode
        (HdfsError("Zero blocklocations for /lake/x. Name node is in safe mode.", exception="SafeModeException"), 0.5),
    ],
)
def test_hdfs_is_asked_again(error, waited):
    answers = iter([error, b"content"])
    assert tried(partial(given, answers)) == b"content"
    [one] = taken()
    assert (one.kind, one.where, one.times, one.waited) == ("HDFS asked again", "HDFS", 1, waited)
    assert "secret" not in str(one)


@pytest.mark.parametrize(
    ("told", "kind"),
    [("Permission denied", "AccessControlException"), ("Cannot create /lake/x. It was turned on", "SafeModeException")],
)
def test_what_hdfs_refuses_is_not_asked_again(told, kind):
    with pytest.raises(HdfsError, match=told):
        tried(partial(given, iter([HdfsError(told, exception=kind), b"content"])))
    assert taken() == []


def given(answers: Iterator[bytes | Exception]) -> bytes:
    answer = next(answers)
    if isinstance(answer, Exception):
        raise answer
    return answer
