"""HDFS as data centres secure it: Kerberos for all that ask, tokens for blocks, HTTPS with a certificate of an own CA."""

import os
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from billflow_tests.servers.hdfs import Hdfs, check_tools, write_settings
from billflow_tests.servers.kdc import REALM, Kdc, start_kdc
from billflow_tests.servers.processes import free_port, unavailable

_PASSWORD = "of-the-tests"
USER = "billing"
"""Who owns the lake."""


class SecuredHdfs(Hdfs):
    """One NameNode and one DataNode in a realm of their own. `ca` is whom their certificate is from, `users` a keytab."""

    def __init__(self, folder: Path, kdc: Kdc) -> None:
        self.kdc, self.https = kdc, free_port()
        self.keytab = kdc.principal("hdfs/localhost", "HTTP/localhost")
        self.users = kdc.principal(USER)
        folder.mkdir(parents=True, exist_ok=True)
        self.ca = certificate(folder / "tls")
        super().__init__(folder, data_nodes=1)

    @property
    def webhdfs(self) -> str:
        return f"https://127.0.0.1:{self.https}"

    def _get(self, path: str) -> str | None:
        status, text = self.asked(path)
        return text if status else None

    def asked(self, path: str) -> tuple[int, str]:
        """Status and text of an answer over HTTPS to someone who does not say who it is; 0 without an answer."""
        trusting = ssl.create_default_context(cafile=self.ca)
        try:
            with urllib.request.urlopen(self.webhdfs + path, timeout=5, context=trusting) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def _core(self) -> dict[str, str]:
        return {
            **super()._core(),
            "hadoop.security.authentication": "kerberos",
            "hadoop.user.group.static.mapping.overrides": f"{USER}=supergroup",
            # Without these two any request over HTTP is whom it says it is.
            "hadoop.http.authentication.type": "kerberos",
            "hadoop.http.authentication.simple.anonymous.allowed": "false",
            "hadoop.http.authentication.kerberos.principal": f"HTTP/localhost@{REALM}",
            "hadoop.http.authentication.kerberos.keytab": str(self.keytab),
        }

    def _site(self) -> dict[str, str]:
        identity = {
            f"dfs.{node}.{key}": value
            for node in ("namenode", "datanode")
            for key, value in {
                "kerberos.principal": f"hdfs/localhost@{REALM}",
                "keytab.file": str(self.keytab),
            }.items()
        }
        return {
            **super()._site(),
            **identity,
            "dfs.replication": "1",
            "dfs.web.authentication.kerberos.principal": f"HTTP/localhost@{REALM}",
            "dfs.web.authentication.kerberos.keytab": str(self.keytab),
            "dfs.block.access.token.enable": "true",
            "dfs.data.transfer.protection": "authentication",
            "dfs.http.policy": "HTTPS_ONLY",
            "dfs.namenode.https-address": f"127.0.0.1:{self.https}",
            "dfs.datanode.https.address": "127.0.0.1:0",
        }

    def _configure(self) -> None:
        super()._configure()
        store = {"location": f"{self.folder}/tls/server.p12", "type": "pkcs12", "password": _PASSWORD}
        keys = {f"ssl.server.keystore.{name}": value for name, value in store.items()}
        write_settings(self.conf / "ssl-server.xml", {**keys, "ssl.server.keystore.keypassword": _PASSWORD})

    def _java(self, main: str, *arguments: str) -> list[str]:
        java, *rest = super()._java(main, *arguments)
        return [java, f"-Djava.security.krb5.conf={self.kdc.config}", *rest]

    def _environment(self) -> dict[str, str]:
        """Commands ask as the NameNode's own user."""
        return {**os.environ, "KRB5PRINCIPAL": f"hdfs/localhost@{REALM}", "KRB5KEYTAB": str(self.keytab)}

    def living(self) -> int:
        """As the NameNode's own user is told, once the NameNode listens: it serves HTTPS before that."""
        try:
            told = self.admin("-report", "-live")
        except RuntimeError:
            return 0
        return int(told.partition("Live datanodes (")[2].partition(")")[0] or 0)

    def stop(self) -> None:
        """Ends all its processes, the realm's too."""
        super().stop()
        self.kdc.stop()


def certificate(folder: Path) -> Path:
    """A CA, and in `server.p12` a key and certificate of its for loopback; the CA's certificate."""
    folder.mkdir(parents=True)
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem",
        "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem",
        f"pkcs12 -export -in server.pem -inkey server.key -passout pass:{_PASSWORD} -out server.p12",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    return folder / "ca.pem"


def start_secured_hdfs(folder: Path) -> SecuredHdfs:
    """A new, empty cluster; skips (fails in CI) where what it takes is not installed."""
    check_tools()
    if not shutil.which("openssl"):
        unavailable("a certificate for HDFS cannot be made: there is no openssl on the PATH")
    kdc = start_kdc(folder / "kdc")
    try:
        return SecuredHdfs(folder, kdc)
    except BaseException:
        kdc.stop()
        raise
