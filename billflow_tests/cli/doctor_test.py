"""`doctor` goes on with its other parts where one is broken; what it tells of servers is in their tests."""

import subprocess
import sys
from pathlib import Path

import pytest

from billflow.cli.doctor import _parts
from billflow.errors import MachineError
from billflow.examples import write_energy_small
from billflow.settings import load_settings

ERP = """  - name: erp
    kind: jdbc
    url: "jdbc:nobody:knows"
    tables: {adjustments: {table: extra, columns: {adjustment_id: id, account_id: a, date: d, amount: n, description: t}}}
"""


def test_a_broken_configuration_of_hadoop_is_one_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_energy_small(tmp_path / "acme")
    (tmp_path / "core-site.xml").write_text("<configuration>")
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    parts = dict(_parts(load_settings(tmp_path / "acme", {"BILLFLOW_LAKE": "hdfs://127.0.0.1:1/lake"})))
    assert [*parts][-6:] == ["clock", "lake", "Spark", "Dagster", "templates and fonts", "disk"]
    with pytest.raises(MachineError, match=r"core-site\.xml: cannot be read"):
        parts["Kerberos"]()
    (tmp_path / "core-site.xml").write_text("<configuration/>")
    assert parts["Kerberos"]() == "HDFS is not secured by it: anybody is who he says he is"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "more"),
    [("doctor", "✓ templates and fonts: "), ("run --cycle c01 --month 2026-06", "error: spark: of billflow.yaml: ")],
)
def test_a_spark_that_does_not_start_is_told(tmp_path: Path, command: str, more: str) -> None:
    """In a process of its own, whose session is not there yet."""
    write_energy_small(tmp_path)
    file = tmp_path / "billflow.yaml"
    head, sources, rest = file.read_text().partition("\nsources:\n")
    file.write_text(f"spark: {{spark.jars.packages: nope}}\n{head}{sources}{ERP}{rest}")
    program = "from billflow.cli import main; main()"
    arguments = [sys.executable, "-c", program, "--project", str(tmp_path), *command.split()]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr
    assert done.returncode == 1, told
    assert "spark: of billflow.yaml: Spark does not start: " in told
    assert "mend spark.jars.packages" in told
    assert more in told
    assert "Traceback" not in told
