"""Storage, local and on HDFS: nothing is ever overwritten by accident, and readers see whole files only."""

import threading
from pathlib import Path

import pytest

from billflow.errors import MachineError, SettingsError
from billflow.lake.storage import LocalStorage, Storage, open_storage


def test_what_is_not_there(storage: Storage) -> None:
    assert storage.list("") == []
    assert storage.list("a/b") == []
    assert not storage.exists("a")
    storage.delete("a")
    with pytest.raises(FileNotFoundError):
        storage.read("a")


def test_write_replaces_and_makes_folders(storage: Storage) -> None:
    storage.write("a/b/c.json", b"1")
    storage.write("a/b/c.json", b"2")
    assert storage.read("a/b/c.json") == b"2"
    assert storage.list("a/b") == ["c.json"]


def test_list_is_in_order(storage: Storage) -> None:
    for name in ("b", "c", "a"):
        storage.write(f"x/{name}", b"")
    assert storage.list("x") == ["a", "b", "c"]
    assert storage.list("x/a") == []


class TestCreate:
    def test_once(self, storage: Storage) -> None:
        storage.create("m/1.json", b"first")
        with pytest.raises(FileExistsError):
            storage.create("m/1.json", b"second")
        assert storage.read("m/1.json") == b"first"
        assert storage.list("m") == ["1.json"]

    def test_of_many_at_once_one_wins(self, storage: Storage) -> None:
        barrier, won = threading.Barrier(8), []

        def create(number: int) -> None:
            barrier.wait()
            try:
                storage.create("m/1.json", str(number).encode())
                won.append(number)
            except FileExistsError:
                pass

        threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [str(number).encode() for number in won] == [storage.read("m/1.json")]


class TestRename:
    def test_moves_a_folder(self, storage: Storage) -> None:
        storage.write("staged/x/1", b"1")
        storage.rename("staged", "table/cycle=c01/run=1")
        assert storage.read("table/cycle=c01/run=1/x/1") == b"1"
        assert not storage.exists("staged")

    @pytest.mark.parametrize("taken", ["table/run=1/1", "table/run=1"])
    def test_never_onto_what_is_there(self, storage: Storage, taken: str) -> None:
        storage.write("staged/1", b"new")
        storage.write(taken, b"old")
        with pytest.raises(FileExistsError):
            storage.rename("staged", "table/run=1")
        assert (storage.read(taken), storage.read("staged/1")) == (b"old", b"new")

    def test_never_onto_an_empty_folder(self, storage: Storage) -> None:
        storage.write("staged/1", b"new")
        storage.write("table/run=1/1", b"")
        storage.delete("table/run=1/1")
        with pytest.raises(FileExistsError):
            storage.rename("staged", "table/run=1")

    def test_of_nothing(self, storage: Storage) -> None:
        with pytest.raises(FileNotFoundError):
            storage.rename("staged", "table/run=1")


@pytest.mark.parametrize("path", ["a/b", "a/b/c"])
def test_delete_takes_files_and_folders(storage: Storage, path: str) -> None:
    storage.write("a/b/c", b"")
    storage.delete(path)
    assert not storage.exists(path)
    assert storage.exists("a")


def test_a_lake_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MachineError, match="the lake cannot be written") as caught:
        LocalStorage(str(tmp_path / "file")).write("a", b"")
    assert caught.value.exit_code == 1
    assert str(tmp_path / "file") in caught.value.where


@pytest.mark.parametrize(
    ("root", "uri", "file"),
    [
        ("/srv/lake", "file:///srv/lake/x", "/srv/lake/x"),
        ("lake", f"file://{Path.cwd()}/lake/x", "lake/x"),
        ("file:///srv/lake", "file:///srv/lake/x", "/srv/lake/x"),
        ("hdfs://node:8020/srv/lake", "hdfs://node:8020/srv/lake/x", "hdfs://node:8020/srv/lake/x"),
        ("hdfs://node:8020/", "hdfs://node:8020/x", "hdfs://node:8020/x"),
    ],
)
def test_open_storage(root: str, uri: str, file: str) -> None:
    storage = open_storage(root)
    assert (storage.uri("x"), storage.file("x")) == (uri, file)


def test_open_storage_of_another_kind() -> None:
    with pytest.raises(SettingsError, match="a lake on ftp:// is not supported"):
        open_storage("ftp://host/lake")


@pytest.mark.parametrize(
    "root", ["/data [2013]/lake", "file:///data/{a,b}/lake", "hdfs://node:8020/lake*", "/data/lake*", "/what?/lake"]
)
def test_open_storage_where_spark_would_see_a_pattern(root: str) -> None:
    with pytest.raises(SettingsError, match="read as a pattern"):
        open_storage(root)
