"""The small Java that logs in: what it sees, and that it ends whatever happens. secured_hdfs_test.py tries the rest."""

import os
from typing import Any

import pytest
from py4j.java_gateway import JavaGateway

from billflow.errors import MachineError
from billflow.lake import kerberos
from billflow.lake.kerberos import Login, token


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The Javas that were started, as processes."""
    processes, start = [], kerberos._started

    def noted() -> tuple[int, str, Any]:
        made = start()
        processes.append(made[2])
        return made

    monkeypatch.setattr(kerberos, "_started", noted)
    return processes


def test_the_current_folder_is_not_on_the_path_of_classes(monkeypatch, started):
    monkeypatch.delenv("HADOOP_CONF_DIR", raising=False)
    with kerberos._java() as jvm:
        assert "" not in str(jvm.java.lang.System.getProperty("java.class.path")).split(os.pathsep)
    assert started[0].poll() is not None


def test_the_configuration_comes_first(monkeypatch, tmp_path, started):
    """But for the archive with which Java listens to us. It ends even when it cannot be told to."""

    def refused(gateway: JavaGateway) -> None:
        raise RuntimeError(f"{gateway} does not end")

    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    monkeypatch.setattr(JavaGateway, "shutdown", refused)
    with pytest.raises(RuntimeError, match="does not end"), kerberos._java() as jvm:
        assert str(jvm.java.lang.System.getProperty("java.class.path")).split(os.pathsep)[1] == str(tmp_path)
    assert started[0].poll() is not None


def test_a_java_that_dies_on_the_way_is_told(monkeypatch, started):
    def dying(jvm: Any, login: Login) -> str:
        jvm.java.lang.Runtime.getRuntime().halt(9)
        return login.place

    monkeypatch.setattr(kerberos, "_asked", dying)
    with pytest.raises(
        MachineError, match="Kerberos ticket for hdfs://nn/lake: Java ended before it had a token"
    ) as caught:
        token(Login("hdfs://nn/lake"))
    assert caught.value.remedy
    assert started[0].poll() == 9
