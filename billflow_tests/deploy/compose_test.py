"""docker-compose.yml and the Dockerfile, as far as they can be tried without containers."""

import re

import pytest

from billflow_tests.deploy.services import DEPLOY, ROOT, composed

OURS = [
    "setup", "namenode", "datanode-1", "datanode-2", "spark-master", "spark-worker-1", "spark-worker-2",
    "code", "webserver", "daemon",
]  # fmt: skip


@pytest.fixture(scope="module")
def services():
    return composed()["services"]


def test_every_part_is_there(services):
    assert sorted(services) == sorted([*OURS, "postgres"])


def test_ours_share_one_image(services):
    assert {services[name]["image"] for name in OURS} == {"billflow:local"}


@pytest.mark.parametrize("name", [*OURS, "postgres"])
class TestEach:
    def test_is_limited(self, services, name):
        limits = services[name]["deploy"]["resources"]["limits"]
        assert set(limits) == {"cpus", "memory"}

    def test_comes_back(self, services, name):
        assert services[name]["restart"] == ("on-failure" if name == "setup" else "unless-stopped")

    def test_is_asked_for_its_health(self, services, name):
        assert ("healthcheck" in services[name]) == (name != "setup")

    def test_waits_for_what_is_there(self, services, name):
        assert set(services[name].get("depends_on", {})) <= set(services)

    def test_is_open_to_this_machine_only(self, services, name):
        assert all(str(port).startswith("127.0.0.1:") for port in services[name].get("ports", ()))


def test_every_command_is_one_of_serve(services):
    verbs = set(re.findall(r"^  ([a-z-]+)\)", (DEPLOY / "serve").read_text(), re.MULTILINE))
    assert {services[name]["command"][0] for name in OURS} == verbs


def test_there_is_no_secret():
    text = (ROOT / "docker-compose.yml").read_text() + (DEPLOY / "dagster.yaml").read_text()
    assert re.findall(r"(?im)password[a-z_]*\s*[:=]\s*(?!\{env:|/run/billflow/|\$)\S+", text) == []


def test_the_image_runs_as_nobody_special():
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    users = [line for line in lines if line.startswith("USER ")]
    assert users == ["USER billflow"]
    assert lines.index("USER billflow") < lines.index('ENTRYPOINT ["serve"]')


def test_what_the_image_copies_is_there():
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )?(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
