"""What is tried of a cluster before a run."""

import socket

import pytest

from billflow.errors import MachineError, PassingError
from billflow.lake import cluster
from billflow_tests.servers.processes import free_port


class TestCheckMaster:
    @pytest.mark.parametrize("master", ["local[2]", "yarn", "k8s://https://nowhere:6443"])
    def test_others_find_their_own(self, master):
        cluster.check_master(master)

    def test_none_answers(self):
        one, other = free_port(), free_port()
        with pytest.raises(PassingError, match=f"127.0.0.1:{one}: Connection refused; 127.0.0.1:{other}") as caught:
            cluster.check_master(f"spark://127.0.0.1:{one},127.0.0.1:{other}")
        assert "spark: {master:" in caught.value.remedy

    def test_one_of_two_answers(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            cluster.check_master(f"spark://127.0.0.1:{free_port()},127.0.0.1:{server.getsockname()[1]}")


class TestCheckExecutors:
    def test_what_the_driver_has_is_enough(self, spark, tmp_path):
        file = tmp_path / "there"
        file.touch()
        cluster.check_executors(spark, [str(file)])

    def test_a_file_that_only_the_driver_sees(self, spark, tmp_path):
        with pytest.raises(MachineError, match="this source file is not there") as caught:
            cluster.check_executors(spark, [str(tmp_path / "nowhere")])
        assert str(tmp_path / "nowhere") in caught.value.where

    def test_another_version(self, spark, monkeypatch):
        here = cluster._probe(["billflow"], [])
        reports = [("far", here()[1].replace("billflow", "no billflow"), "")]
        monkeypatch.setattr(cluster, "_from_executors", lambda *_: reports)
        with pytest.raises(MachineError, match="no billflow") as caught:
            cluster.check_executors(spark)
        assert caught.value.where == "Spark's executor on far"


@pytest.mark.parametrize(("size", "expected"), [(0, 2), (64 * 1024**2 * 50, 50)])
def test_size_shuffles(spark, size, expected):
    before = spark.conf.get("spark.sql.shuffle.partitions")
    try:
        cluster.size_shuffles(spark, size)
        assert spark.conf.get("spark.sql.shuffle.partitions") == str(expected)
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", before)
