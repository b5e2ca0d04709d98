"""Where HDFS is asked over HTTP, what it refuses, and who may read there. All tests of the lake try the rest."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from billflow.errors import MachineError, PassingError
from billflow.lake.hdfs import HdfsStorage
from billflow.lake.healing import taken
from billflow.lake.name_nodes import modes, name_nodes, wants_kerberos
from billflow_tests.lake.some_lake import all_of, publish_staged, published, seen, stage

SINGLE = {"dfs.namenode.http-address": "nn.example:50070"}
ALL_ADDRESSES = {"dfs.namenode.http-address": "0.0.0.0:9871"}
SERVICE = {
    "dfs.ha.namenodes.bills": "a, b",
    "dfs.namenode.http-address.bills.a": "nn1:9870",
    "dfs.namenode.http-address.bills.b": "nn2:9870",
}
ENCRYPTED = {**SINGLE, "dfs.http.policy": "HTTPS_ONLY", "dfs.namenode.https-address": "nn.example:50470"}


def configured(folder: Path, settings: dict[str, str], name: str = "hdfs-site.xml") -> dict[str, str]:
    properties = "".join(f"<property><name>{n}</name><value>{v}</value></property>" for n, v in settings.items())
    (folder / name).write_text(f"<configuration>{properties}</configuration>")
    return {"HADOOP_CONF_DIR": str(folder)}


@pytest.mark.parametrize(
    ("root", "webhdfs", "settings", "expected"),
    [
        ("hdfs://nn:8020/lake", None, {}, "http://nn:9870"),
        ("hdfs://nn:8020/lake", "http://other:1", SINGLE, "http://other:1"),
        ("hdfs://nn:8020/lake", "nn1:9870, https://nn2:9871", {}, "http://nn1:9870;https://nn2:9871"),
        ("hdfs://nn:8020/lake", None, SINGLE, "http://nn.example:50070"),
        ("hdfs://nn:8020/lake", None, ALL_ADDRESSES, "http://nn:9871"),
        ("hdfs://nn:8020/lake", None, ENCRYPTED, "https://nn.example:50470"),
        ("hdfs://nn:8020/lake", None, {"dfs.http.policy": "HTTPS_ONLY"}, "https://nn:9871"),
        ("hdfs://bills/lake", None, SERVICE, "http://nn1:9870;http://nn2:9870"),
    ],
)
def test_name_nodes(tmp_path, root, webhdfs, settings, expected):
    assert name_nodes(root, webhdfs, configured(tmp_path, settings)) == expected


def test_without_a_configuration():
    assert name_nodes("hdfs://nn/lake", None, {}) == "http://nn:9870"


def test_a_configuration_that_cannot_be_read(tmp_path):
    (tmp_path / "hdfs-site.xml").write_text("<configuration>")
    with pytest.raises(MachineError, match=r"hdfs-site.xml: cannot be read"):
        name_nodes("hdfs://nn/lake", None, {"HADOOP_CONF_DIR": str(tmp_path)})


def test_a_full_quota_publishes_nothing_and_the_next_try_all(hdfs, tmp_path):
    """No name is left: folders can be renamed, and then the manifest has no room."""
    storage = HdfsStorage(hdfs.lake(tmp_path.name), hdfs.webhdfs)
    published(storage, "r1")
    staging = stage(storage, "r2")
    names = storage._client.content(".")
    hdfs.admin("-setQuota", str(names["directoryCount"] + names["fileCount"]), f"/{tmp_path.name}")
    with pytest.raises(MachineError, match=r"reached its quota on HDFS .*NameSpace quota") as caught:
        publish_staged(storage, staging)
    assert (caught.value.exit_code, isinstance(caught.value, PassingError)) == (1, False)
    assert seen(storage) == all_of("r1")
    hdfs.admin("-clrQuota", f"/{tmp_path.name}")
    publish_staged(storage, staging)
    assert seen(storage) == all_of("r2")


def test_where_the_user_may_not_write(hdfs, tmp_path, monkeypatch):
    storage = HdfsStorage(hdfs.lake(tmp_path.name), hdfs.webhdfs)
    storage.write("file", b"ours")
    monkeypatch.setenv("HADOOP_USER_NAME", "alice")
    with pytest.raises(MachineError, match=r"HDFS does not let this user write or read there .*user=alice") as caught:
        storage.write("file", b"hers")
    assert "HADOOP_USER_NAME" in caught.value.remedy
    assert storage.read("file") == b"ours"


@pytest.mark.parametrize(
    ("umask", "expected"),
    [
        ("", ("644", "755")),
        ("027", ("640", "750")),
        ("0077", ("600", "700")),
        # As FsPermission.getUMask of Hadoop 3.5 understands them.
        ("u=rwx,g=rx,o=", ("640", "750")),
        ("u=rwx, g=rwx, o=", ("660", "770")),
        ("u=rwx", ("600", "700")),
        ("ug=rwx,o=", ("660", "770")),
        ("a=rx", ("444", "555")),
        ("=rx", ("444", "555")),
        ("g-w", ("000", "000")),
        ("u=r,u+w", ("200", "200")),
        ("a-w,g=rwx", ("060", "070")),
        ("ug+r,o-w", ("440", "440")),
    ],
)
def test_modes(tmp_path, umask, expected):
    assert modes(configured(tmp_path, {"fs.permissions.umask-mode": umask}, "core-site.xml")) == expected


@pytest.mark.parametrize("umask", ["22", "1022", "028", "u", "u=rwx;g=rx", "u=rwx,g=rX,o=", "u=rwx,g=u"])
def test_a_umask_that_hadoop_does_not_understand(tmp_path, umask):
    with pytest.raises(MachineError, match=f"fs.permissions.umask-mode is '{umask}'"):
        modes(configured(tmp_path, {"fs.permissions.umask-mode": umask}))


def test_hdfs_site_is_stronger_than_core_site(tmp_path):
    configured(tmp_path, {"fs.permissions.umask-mode": "000"}, "core-site.xml")
    assert modes(configured(tmp_path, {"fs.permissions.umask-mode": "077"})) == ("600", "700")


@pytest.mark.parametrize(("method", "wanted"), [("kerberos", True), ("KERBEROS", True), ("simple", False), ("", False)])
def test_wants_kerberos(tmp_path, method, wanted):
    assert wants_kerberos(configured(tmp_path, {"hadoop.security.authentication": method}, "core-site.xml")) is wanted


def test_what_is_written_has_the_permissions_that_the_umask_leaves(hdfs, tmp_path, monkeypatch):
    for name, value in configured(tmp_path, {"fs.permissions.umask-mode": "027"}).items():
        monkeypatch.setenv(name, value)
    storage = HdfsStorage(hdfs.lake(tmp_path.name), hdfs.webhdfs)
    storage.write("staged/file", b"1")
    storage.rename("staged", "table/month/run")
    found = [storage._client.status(path)["permission"] for path in ("table/month/run/file", "table/month")]
    assert found == ["640", "750"]


class Starting(BaseHTTPRequestHandler):
    """A NameNode in start-up mode, which no real one is for long enough: so many questions, and it answers."""

    left = 2

    def do_GET(self) -> None:
        type(self).left -= 1
        later = {"RemoteException": {"exception": "RetriableException", "message": "Namenode is in startup mode"}}
        answer = later if self.left >= 0 else {"FileStatuses": {"FileStatus": [{"pathSuffix": "one"}]}}
        content = json.dumps(answer, separators=(",", ":")).encode()
        self.send_response(403 if self.left >= 0 else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def test_a_name_node_that_starts_is_waited_for():
    taken()
    with HTTPServer(("127.0.0.1", 0), Starting) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        storage = HdfsStorage("hdfs://127.0.0.1/lake", f"http://127.0.0.1:{server.server_port}")
        assert storage.list("") == ["one"]
        assert Starting.left == -1
        (asked,) = [one for one in taken() if one.where == "HDFS"]
        assert (asked.times, asked.waited, asked.what) == (2, 1.5, "Namenode is in startup mode")
        server.shutdown()
