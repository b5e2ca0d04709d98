"""A Kerberos realm of its own: Debian's krb5kdc on a port of loopback, with its database in a folder."""

import os
import shutil
import subprocess
from pathlib import Path

from billflow_tests.servers.processes import Server, free_port, unavailable

REALM = "BILLFLOW.TEST"
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"  # where Debian has the server's commands


class Kdc:
    """`principal("alice")` → a keytab; `config` is the krb5.conf of clients and servers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.config = folder / "krb5.conf"
        folder.mkdir(parents=True)
        self._configure()
        self._environment = {
            **os.environ,
            "PATH": _PATH,
            "KRB5_CONFIG": str(self.config),
            "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
        }
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", "master")
        log = folder / "krb5kdc.log"
        self.server = Server(["krb5kdc", "-n", "-r", REALM], log, self._environment)
        self.server.wait_for(lambda: "commencing operation" in log.read_text(errors="replace"), "the KDC serves")

    def _configure(self) -> None:
        here = f"127.0.0.1:{self.port}"
        self.config.write_text(
            f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n"
            f" rdns = false\n udp_preference_limit = 1\n[realms]\n {REALM} = {{\n  kdc = {here}\n }}\n"
            "[logging]\n kdc = STDERR\n"
        )
        (self.folder / "kdc.conf").write_text(
            f"[kdcdefaults]\n kdc_listen = {here}\n kdc_tcp_listen = {here}\n[realms]\n {REALM} = {{\n"
            f"  database_name = {self.folder}/principal\n  key_stash_file = {self.folder}/stash\n"
            f"  acl_file = {self.folder}/acl\n }}\n[logging]\n kdc = STDERR\n"
        )

    def principal(self, *names: str) -> Path:
        """Makes them; a keytab with the keys of all."""
        keytab = self.folder / f"{names[0].replace('/', '-')}.keytab"
        for name in names:
            self._run("kadmin.local", "-r", REALM, "-q", f"addprinc -randkey {name}")
            self._run("kadmin.local", "-r", REALM, "-q", f"ktadd -k {keytab} {name}")
        return keytab

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stdout[-1000:]} {done.stderr[-1000:]}")

    def stop(self) -> None:
        """Ends it."""
        self.server.kill()


def start_kdc(folder: Path) -> Kdc:
    """A new realm; skips (fails in CI) where Debian's krb5-kdc is not installed."""
    for tool in ("krb5kdc", "kadmin.local", "kdb5_util"):
        if not shutil.which(tool, path=_PATH):
            unavailable(f"a Kerberos realm cannot be started: there is no {tool} (Debian: krb5-kdc, krb5-admin-server)")
    return Kdc(folder)
