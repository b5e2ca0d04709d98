"""Where Dagster keeps what it knows of runs."""

import dagster as dg
import pytest

from billflow.errors import MachineError
from billflow.orchestration.launching import dagster_home, open_instance, storage_of
from billflow_tests.servers.processes import free_port


class TestDagsterHome:
    def test_is_inside_the_project(self, tmp_path):
        assert dagster_home(tmp_path, {}) == tmp_path / ".dagster"
        assert (tmp_path / ".dagster" / "dagster.yaml").is_file()

    def test_an_own_one_stays(self, tmp_path):
        (home := tmp_path / ".dagster").mkdir()
        (home / "dagster.yaml").write_text("# mine")
        assert dagster_home(tmp_path, {}) == home
        assert (home / "dagster.yaml").read_text() == "# mine"

    def test_the_environment_names_another(self, tmp_path):
        assert dagster_home(tmp_path, {"DAGSTER_HOME": "/elsewhere"}).as_posix() == "/elsewhere"
        assert not (tmp_path / ".dagster").exists()


class TestOpenInstance:
    def test_of_a_new_project(self, tmp_path):
        with open_instance(dagster_home(tmp_path, {})) as instance:
            assert storage_of(instance) == "SQLite"

    def test_runs_wait_for_a_place(self, tmp_path):
        with open_instance(dagster_home(tmp_path, {})) as instance:
            assert instance.global_op_concurrency_default_limit == 1
            assert instance.run_retries_enabled

    @pytest.mark.slow
    def test_a_database_that_does_not_answer(self, tmp_path):
        pytest.importorskip("dagster_postgres")
        address = f"hostname: 127.0.0.1, port: {free_port()}, username: u, password: secret, db_name: d"
        (tmp_path / "dagster.yaml").write_text(f"storage: {{postgres: {{postgres_db: {{{address}}}}}}}")
        with (
            pytest.raises(MachineError, match="Dagster cannot reach the storage of its runs") as caught,
            open_instance(tmp_path),
        ):
            pass
        assert "secret" not in str(caught.value)

    def test_an_error_inside_is_its_own(self, tmp_path):
        with pytest.raises(dg.DagsterError), open_instance(dagster_home(tmp_path, {})):
            raise dg.DagsterError("of the run")
