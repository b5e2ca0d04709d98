"""Connections to MariaDB with and without TLS, and passwords that need a package; rows are in `databases_test`."""

import sys
from collections.abc import Iterator

import pytest

from billflow.errors import MachineError, PassingError, SettingsError
from billflow.sources.database import Query
from billflow.sources.database_kinds import database_of
from billflow.sources.databases import fetched
from billflow_tests.servers.mariadb import MariaDb
from billflow_tests.servers.postgres import PASSWORD
from billflow_tests.servers.relay import certified
from billflow_tests.sources.databases_test import rows, rows_or_error, schema_of


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """It has no TLS."""
    started = MariaDb(tmp_path_factory.mktemp("open"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """It takes connections by TLS only, and has signed its certificate itself."""
    folder = tmp_path_factory.mktemp("secured")
    certificate = certified(folder)
    tls = (f"--ssl-cert={certificate}", f"--ssl-key={certificate}", "--require-secure-transport=ON")
    started = MariaDb(folder, *tls)
    yield started
    started.stop()


def cipher(url: str) -> str:
    query, database = Query(url, ""), database_of(url)
    with database.connected(query) as connection:
        return database.one(connection, "show session status like 'Ssl_cipher'")[1]


def test_mysql_is_spoken_by_tls_where_the_server_has_it(secured):
    assert cipher(secured.url).startswith("TLS_")
    found = rows(Query(secured.url, "select seq as id, repeat('x', 99) as t from seq_1_to_50000"))
    assert [row["id"] for row in found] == [*range(1, 50_001)]
    with pytest.raises(SettingsError, match="Access denied"):
        rows_or_error(secured.url.replace(PASSWORD, "guessed-wrong"))


def test_a_connection_by_tls_that_is_lost_between_rows_may_come_back(secured):
    query = Query(secured.url, "select seq as id, repeat('x', 999) as t from seq_1_to_500000")
    found = fetched(query, schema_of(query))
    next(found)
    secured.do("kill user billing", user="root")
    with pytest.raises(PassingError, match="does not answer"):
        list(found)
    assert cipher(secured.url)


def test_mysql_is_spoken_without_tls_where_the_server_has_none(open_server):
    assert cipher(open_server.url) == ""


def test_a_package_that_a_password_needs_is_named(open_server, monkeypatch):
    monkeypatch.setitem(sys.modules, "nacl", None)  # not installed
    open_server.do(
        "install soname 'auth_ed25519'",
        f"create user signer@'%' identified via ed25519 using password('{PASSWORD}')",
        user="root",
    )
    with pytest.raises(MachineError, match="pip install pynacl") as caught:
        rows_or_error(open_server.url.replace("billing:", "signer:"))
    assert PASSWORD not in str(caught.value)
