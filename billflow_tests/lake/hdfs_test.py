"""Where HDFS is asked over HTTP. What is asked there is tried by the tests of the lake, on a real one."""

from pathlib import Path

import pytest

from billflow.errors import MachineError
from billflow.lake.name_nodes import name_nodes

SINGLE = {"dfs.namenode.http-address": "nn.example:50070"}
ALL_ADDRESSES = {"dfs.namenode.http-address": "0.0.0.0:9871"}
SERVICE = {
    "dfs.ha.namenodes.bills": "a, b",
    "dfs.namenode.http-address.bills.a": "nn1:9870",
    "dfs.namenode.http-address.bills.b": "nn2:9870",
}
ENCRYPTED = {**SINGLE, "dfs.http.policy": "HTTPS_ONLY", "dfs.namenode.https-address": "nn.example:50470"}


def configured(folder: Path, settings: dict[str, str]) -> dict[str, str]:
    properties = "".join(f"<property><name>{n}</name><value>{v}</value></property>" for n, v in settings.items())
    (folder / "hdfs-site.xml").write_text(f"<configuration>{properties}</configuration>")
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
