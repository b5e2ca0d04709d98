"""A lake where Kerberos knows who asks and an own CA signs: both sides work there, nobody else does, and mistakes are told."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from billflow.cli.doctor import _parts
from billflow.errors import BillflowError, MachineError, PassingError
from billflow.examples import write_energy_small
from billflow.lake import published
from billflow.lake.manifest import read_manifest
from billflow.lake.storage import open_lake, open_storage
from billflow.lake.webhdfs import WebHdfs, login_of
from billflow.settings import HdfsSettings, load_settings
from billflow_tests.acceptance.runs import start
from billflow_tests.servers.kdc import REALM
from billflow_tests.servers.processes import free_port
from billflow_tests.servers.secured_hdfs import USER, SecuredHdfs, start_secured_hdfs

pytestmark = pytest.mark.slow

PRINCIPAL = f"{USER}@{REALM}"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredHdfs]:
    made = start_secured_hdfs(tmp_path_factory.mktemp("secured"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HADOOP_CONF_DIR", str(made.conf))
        patch.setenv("KRB5_CONFIG", str(made.kdc.config))
        patch.setenv("KRB5CCNAME", str(made.folder / "no-ticket"))
        yield made
    made.stop()


@pytest.fixture(scope="module")
def ours(cluster: SecuredHdfs) -> HdfsSettings:
    return HdfsSettings(principal=PRINCIPAL, keytab=cluster.users, ca=cluster.ca)


def test_who_does_not_prove_who_it_is_gets_nothing(cluster):
    for path in ("/webhdfs/v1/?op=LISTSTATUS&user.name=hdfs", "/webhdfs/v1/?op=GETDELEGATIONTOKEN&user.name=hdfs"):
        status, text = cluster.asked(path)
        assert (status, "Authentication required" in text) == (401, True)


def test_files(cluster, ours):
    storage = open_storage(cluster.lake("files"), None, ours)
    assert storage.web == cluster.webhdfs  # as HADOOP_CONF_DIR has it
    assert storage.list("") == []
    storage.write("a/one", b"1" * 3_000_000)
    storage.write("a/one", b"2" * 3_000_000)
    storage.create("a/two", b"")
    with pytest.raises(FileExistsError):
        storage.create("a/two", b"")
    assert (storage.list("a"), storage.exists("b")) == (["one", "two"], False)
    storage.rename("a", "b/c")
    assert storage.read("b/c/one") == b"2" * 3_000_000
    with storage.filesystem.open(storage.file("b/c/one")) as file:
        file.seek(2_999_990)
        assert file.read() == b"2" * 10
    storage.delete("b")
    assert storage.list("") == []


def test_a_token_that_hdfs_takes_no_more_is_replaced(cluster, ours, caplog):
    """As after its day, or when the NameNode has forgotten it."""
    caplog.set_level(logging.DEBUG)
    storage = open_storage(cluster.lake("tokens"), None, ours)
    storage.write("file", b"there")
    client: WebHdfs = storage._client
    first = client._as_whom.token
    cancelled = client._request("PUT", f"{storage.web}/webhdfs/v1/?op=CANCELDELEGATIONTOKEN", params={"token": first})
    assert cancelled.status_code == 200
    assert storage.read("file") == b"there"
    second = client._as_whom.token
    assert second not in ("", first)
    assert open_storage(cluster.lake("tokens"), None, ours).list("") == ["file"]
    assert second not in caplog.text


def test_no_token_is_told_when_a_server_is_away(cluster, ours, caplog):
    caplog.set_level(logging.DEBUG)
    storage = open_storage(cluster.lake("away"), f"https://127.0.0.1:{free_port()}", ours)
    with pytest.raises(PassingError, match=r"WebHDFS does not answer: .*refused") as caught:
        storage.list("")
    chain = [caught.value, caught.value.__cause__]
    assert all("delegation=" not in str(one) or "delegation=…" in str(one) for one in chain)
    assert storage._client._as_whom.token
    assert storage._client._as_whom.token not in caplog.text


def elsewhere(cluster: SecuredHdfs) -> str:
    """A krb5.conf that names a KDC which is not there."""
    file = cluster.folder / "elsewhere.conf"
    file.write_text(cluster.kdc.config.read_text().replace(f":{cluster.kdc.port}", f":{free_port()}"))
    return str(file)


@pytest.mark.parametrize(
    ("secured", "environment", "told"),
    [
        ({"principal": f"alice@{REALM}"}, {}, "Kerberos does not take the keytab for this principal"),
        ({"keytab": Path("/nowhere/keys")}, {}, "/nowhere/keys: the keytab: there is no such file"),
        ({"principal": "", "keytab": None}, {}, "HDFS wants a Kerberos ticket, and there is none that is valid"),
        ({"principal": f"{USER}/x@{REALM}"}, {"KRB5_CONFIG": elsewhere}, "no KDC of Kerberos answers"),
    ],
    ids=["another's keytab", "no keytab", "no ticket", "no KDC"],
)
def test_who_cannot_log_in_is_told_why(cluster, ours, tmp_path, monkeypatch, secured, environment, told):
    for name, value in environment.items():
        monkeypatch.setenv(name, value(cluster))
        secured["keytab"] = cluster.kdc.principal(secured["principal"].partition("@")[0])
    project = project_on(cluster, tmp_path, ours.model_copy(update=secured))
    with pytest.raises(MachineError, match=told) as caught:
        dict(_parts(load_settings(project)))["Kerberos"]()
    assert caught.value.remedy
    assert caught.value.exit_code == 1


def test_without_any_configuration(cluster, monkeypatch):
    monkeypatch.delenv("HADOOP_CONF_DIR")
    open_ones = HdfsSettings(ca=cluster.ca)
    assert login_of(cluster.lake("x"), open_ones) is None
    with pytest.raises(MachineError, match="HDFS is secured by Kerberos, and we came without"):
        open_storage(cluster.lake("x"), cluster.webhdfs, open_ones).list("")


class TestCertificates:
    def test_one_that_nobody_knows(self, cluster, ours):
        stranger = ours.model_copy(update={"ca": None})
        with pytest.raises(MachineError, match=r"its certificate is not trusted: .*verify failed") as caught:
            open_storage(cluster.lake("x"), None, stranger).list("")
        assert not isinstance(caught.value, PassingError)

    def test_the_environments(self, cluster, ours, monkeypatch):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cluster.ca))
        assert open_storage(cluster.lake("x"), None, ours.model_copy(update={"ca": None})).list("") == []

    def test_billflow_yaml_is_stronger(self, cluster, ours, monkeypatch):
        import certifi

        monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
        assert open_storage(cluster.lake("x"), None, ours).list("") == []

    @pytest.mark.parametrize("written", [None, "no certificate"])
    def test_a_file_that_is_none(self, cluster, ours, tmp_path, written):
        if written:
            (tmp_path / "ca.pem").write_text(written)
        with pytest.raises(BillflowError, match=r"ca.pem: certificates cannot be read"):
            open_storage(cluster.lake("x"), None, ours.model_copy(update={"ca": tmp_path / "ca.pem"}))


def project_on(cluster: SecuredHdfs, folder: Path, secured: HdfsSettings) -> Path:
    """A small project with its lake there."""
    write_energy_small(folder / "project")
    file = folder / "project" / "billflow.yaml"
    named = {name: str(value) for name, value in secured.model_dump().items() if value}
    lake = f"lake: {cluster.lake(folder.name)}\nhdfs: {named}\n"
    file.write_text(file.read_text().replace("lake: ./lake ", f"{lake} "))
    return folder / "project"


def test_a_bill_run(cluster, ours, tmp_path):
    """In a process of its own: Java knows for its whole life whether it is secured."""
    project = project_on(cluster, tmp_path, ours)
    process = start(project)
    output, errors = process.communicate()
    assert process.returncode == 0, f"{output}{errors}"
    storage = open_lake(load_settings(project))
    bills = published.connect(storage, read_manifest(storage))
    counted = bills.execute("select count(*), count(pages) from invoices join documents using (invoice_id)").fetchone()
    assert counted == (6, 6)
