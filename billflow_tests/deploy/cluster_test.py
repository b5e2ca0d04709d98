"""The deployment of docker-compose.yml, every service a process: runs by click, sensor and backfill; killed and restarted."""

import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from billflow.examples import write_energy_small
from billflow_tests.deploy.services import Deployment
from billflow_tests.servers.processes import wait_until

pytestmark = pytest.mark.slow

ORDER = (
    "namenode",
    "datanode-1",
    "datanode-2",
    "spark-master",
    "spark-worker-1",
    "spark-worker-2",
    "code",
    "webserver",
    "daemon",
)
LONG = 420
"""Seconds for runs on two cores, with a dozen servers beside them."""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("deployment")
    write_energy_small(folder / "project")
    deployed = Deployment(folder, folder / "project")
    try:
        for service in ORDER:
            deployed.start(service)
        yield deployed
    finally:
        deployed.stop()


def asked(deployment: Deployment, query: str, **variables: Any) -> dict[str, Any]:
    """The answer of the UI's GraphQL."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{deployment.web}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        found = json.load(answer)
    assert "errors" not in found, found
    return found["data"]


def runs(deployment: Deployment, month: str = "") -> list[dict[str, Any]]:
    """Runs of a month, or all, the newest first: runId, status, startTime, endTime, tags."""
    query = """query ($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs {
        results { runId status startTime endTime tags { key value } } } } }"""
    wanted = {"tags": [{"key": "dagster/partition", "value": f"c01|{month}"}]} if month else {}
    found = asked(deployment, query, filter=wanted)["runsOrError"]["results"]
    return [{**run, "tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]


def statuses(deployment: Deployment, month: str) -> list[str]:
    return [run["status"] for run in runs(deployment, month)]


def wait(deployment: Deployment, true: Callable[[], bool], what: str, *, seconds: float = LONG) -> None:
    """Waits, and when it takes too long says what the runs, the code location and the daemon said."""
    try:
        wait_until(true, what, seconds=seconds)
    except TimeoutError as error:
        logs = {name: server.tail() for name, server in deployment.servers.items() if name in ("code", "daemon")}
        raise TimeoutError(f"{error}; {runs(deployment)}; {logs}") from None


def wait_for(deployment: Deployment, month: str, *expected: str) -> None:
    """Waits until the month's runs, the newest first, have these statuses."""
    wait(deployment, lambda: statuses(deployment, month) == list(expected), f"{month}: {expected}")


SELECTOR = {"repositoryLocationName": "billflow", "repositoryName": "__repository__"}


def launch(deployment: Deployment, month: str) -> str:
    """One click: the run's id."""
    mutation = """mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
        __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
    tags = [{"key": "dagster/partition", "value": f"c01|{month}"}]
    params = {"selector": {**SELECTOR, "jobName": "bill_run"}, "executionMetadata": {"tags": tags}}
    found = asked(deployment, mutation, params=params)["launchRun"]
    assert found["__typename"] == "LaunchRunSuccess", found
    return found["run"]["runId"]


def backfill(deployment: Deployment, *months: str) -> None:
    mutation = """mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
        __typename ... on PythonError { message } } }"""
    params = {
        "selector": {"repositorySelector": SELECTOR, "partitionSetName": "bill_run_partition_set"},
        "partitionNames": [f"c01|{month}" for month in months],
    }
    found = asked(deployment, mutation, params=params)["launchPartitionBackfill"]
    assert found["__typename"] == "LaunchBackfillSuccess", found


def invoices(deployment: Deployment) -> dict[str, tuple[int, int, str]]:
    """Month → invoices, PDFs, total."""
    sql = """select i.month, count(*) as n, count(d.pages) as pdfs, sum(i.total)::decimal(18,2)::varchar as total
        from invoices i left join documents d using (invoice_id) group by 1 order by 1"""
    done = deployment.run("billflow", "query", sql, "--format", "json")
    assert done.returncode == 0, done.stderr
    return {row["month"]: (row["n"], row["pdfs"], row["total"]) for row in json.loads(done.stdout)}


def test_the_sensor_bills_the_month_that_closed_although_the_driver_dies(deployment):
    """The first test: the sensor starts the run as soon as all services are up, and later it could be over."""
    wait(deployment, lambda: bool(runs(deployment)), "a run", seconds=120)
    tags = runs(deployment)[0]["tags"]
    assert tags["dagster/sensor_name"] == "c01_closes"
    month = tags["dagster/partition"].removeprefix("c01|")
    wait(deployment, lambda: "billflow/process" in runs(deployment, month)[0]["tags"], "the run begins", seconds=120)
    time.sleep(15)  # somewhere in the middle
    process = runs(deployment, month)[0]["tags"]["billflow/process"]
    os.kill(int(process.split(":")[-2]), signal.SIGKILL)
    wait_for(deployment, month, "SUCCESS", "FAILURE")
    assert invoices(deployment)[month][:2] == (5, 5)  # H004 left in June


def test_a_health_check_sees_a_service_that_is_down(deployment):
    assert not deployment.is_healthy("webserver", DAGSTER_PORT="1")
    assert not deployment.is_healthy("namenode", NAMENODE_HTTP="localhost:1")
    assert not deployment.is_healthy("code", DAGSTER_CODE_PORT="1")


def test_doctor_is_content(deployment):
    done = deployment.run("billflow", "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PostgreSQL" in done.stdout
    assert "WebHDFS" in done.stdout


def test_doctor_names_what_executors_lack(deployment, tmp_path):
    # A shell drops variables with dots from the environment; this file comes first on Spark's class path.
    conf = tmp_path / "billflow.yaml"
    text = (deployment.project / "billflow.yaml").read_text()
    conf.write_text(f"{text}\nspark: {{spark.pyspark.python: /nowhere/python}}\n")
    for name in ("catalog", "customers.csv", "subscriptions.csv", "readings"):
        (tmp_path / name).symlink_to(deployment.project / name)
    done = deployment.run("billflow", "--project", str(tmp_path), "doctor")
    assert done.returncode == 1
    assert "/nowhere/python" in done.stdout
    assert "same image" in done.stdout


def test_a_click_and_a_backfill_at_once_while_the_daemon_and_a_worker_die(deployment):
    launch(deployment, "2026-05")
    backfill(deployment, "2026-06")
    wait(deployment, lambda: "STARTED" in statuses(deployment, "2026-06"), "a run begins", seconds=180)
    deployment.servers["daemon"].kill()
    deployment.servers["spark-worker-2"].kill()
    deployment.start("daemon")
    deployment.start("spark-worker-2")
    wait_for(deployment, "2026-05", "SUCCESS")
    wait_for(deployment, "2026-06", "SUCCESS")
    first, second = runs(deployment, "2026-05")[0], runs(deployment, "2026-06")[0]
    assert max(first["startTime"], second["startTime"]) < min(first["endTime"], second["endTime"])
    found = invoices(deployment)
    assert found["2026-05"] == (6, 6, "913.96")
    assert found["2026-06"] == (6, 6, "889.48")
