"""A lake on every kind of storage."""

from pathlib import Path

import pytest

from billflow.lake.storage import LocalStorage, Storage, open_storage
from billflow_tests.servers.hdfs import Hdfs


@pytest.fixture(params=["local", pytest.param("hdfs", marks=pytest.mark.slow)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """An empty lake, in a folder of this machine and on a real HDFS."""
    if request.param == "local":
        return LocalStorage(str(tmp_path / "lake"))
    cluster: Hdfs = request.getfixturevalue("hdfs")
    return open_storage(cluster.lake(tmp_path.name), cluster.webhdfs)
