"""Who we are on a secured HDFS: Java logs in, as it does for Spark, and fetches the token by which WebHDFS knows us.

So there is one way to log in, with one configuration and one kind of error, and nothing to install beside Spark and its
Java. A token costs the start of a small Java, once a process and whenever HDFS takes it no more: after a day, or when
the NameNode has forgotten it.
"""

import logging
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway
from py4j.protocol import Py4JError, Py4JJavaError

from billflow.errors import MachineError
from billflow.lake.hadoop import reason, refusal

_JARS = ("hadoop-client-*", "slf4j-api-*", "log4j-*", "jcl-over-slf4j-*", "py4j-*")
"""Of Spark's 280 archives those that a client of HDFS needs."""

_IMPATIENT = {"ipc.client.connect.max.retries": "2", "ipc.client.connect.max.retries.on.timeouts": "1"}
"""Who asks waits for the answer, for seconds and not for the 15 minutes that a client of Hadoop's would try."""


@dataclass(frozen=True)
class Login:
    """Whom Kerberos knows by a keytab, and on which HDFS; without one the ticket of `kinit` counts."""

    lake: str
    principal: str = ""
    keytab: str = ""

    @property
    def place(self) -> str:
        """What an error is about."""
        return f"{self.principal} in {self.keytab}" if self.principal else f"Kerberos ticket for {self.lake}"


_tokens: dict[Login, str] = {}
_one_at_once = Lock()


def token(login: Login, *, refused: str = "") -> str:
    """A delegation token of HDFS as WebHDFS takes it; another one than the one that was `refused`.

    MachineError when Kerberos or HDFS does not let us in.
    """
    with _one_at_once:
        if _tokens.get(login, refused) == refused:
            _tokens[login] = _fetched(login)
        return _tokens[login]


def _check_keytab(login: Login) -> None:
    """MachineError when the keytab is not there or cannot be read; Java would ask for a password instead."""
    if login.keytab and not os.access(login.keytab, os.R_OK):
        what = "cannot be read" if Path(login.keytab).exists() else "there is no such file"
        raise MachineError(
            f"the keytab: {what}",
            where=login.keytab,
            remedy="copy it there, readable for the user that runs billflow alone (chmod 400), or name another one in "
            "billflow.yaml (hdfs: {principal: …, keytab: …})",
        )


def _fetched(login: Login) -> str:
    _check_keytab(login)
    try:
        with _java() as jvm:
            try:
                return _asked(jvm, login)
            except Py4JJavaError as error:
                told = str(error)  # which asks Java once more: nothing of this exception may outlive it
    except Py4JError as error:
        raise MachineError(
            f"Java ended before it had a token of HDFS: {error}",
            where=login.place,
            remedy="run again; the system's log (dmesg) tells whether it ended Java because memory was short",
        ) from None
    raise refusal(told, login.place) or MachineError(
        f"HDFS gives no token: {reason(told)}", where=login.place, remedy="kinit and klist tell more"
    )


def _asked(jvm: Any, login: Login) -> str:
    hadoop = jvm.org.apache.hadoop
    configuration = hadoop.conf.Configuration()
    for name, value in {**_IMPATIENT, "hadoop.security.authentication": "kerberos"}.items():
        configuration.set(name, value)
    identity = hadoop.security.UserGroupInformation
    identity.setConfiguration(configuration)
    if login.keytab:
        identity.loginUserFromKeytab(login.principal, login.keytab)
    files = hadoop.fs.FileSystem.get(jvm.java.net.URI(login.lake), configuration)
    given: str = files.getDelegationToken(identity.getCurrentUser().getShortUserName()).encodeToUrlString()
    return given


_PY4J = logging.getLogger("py4j.java_gateway")


def _no_debugging(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


@contextmanager
def _java() -> Iterator[Any]:
    """A Java with Hadoop's client and the configuration of HADOOP_CONF_DIR, which ends with the block."""
    port, secret, process = _started()
    gateway = JavaGateway(
        gateway_parameters=GatewayParameters(port=port, auth_token=secret, enable_memory_management=False)
    )
    _PY4J.addFilter(_no_debugging)  # it would write down the token among Java's answers
    try:
        yield gateway.jvm
    finally:
        _PY4J.removeFilter(_no_debugging)
        try:
            gateway.shutdown()
        finally:
            _end(process)


def _end(process: Any) -> None:
    try:
        with suppress(OSError):
            process.stdin.close()  # it ends when nobody can write there any more
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
    finally:
        process.kill()
        process.wait()


def _started() -> tuple[int, str, Any]:
    import pyspark  # noqa: PLC0415  # what reads a lake that is not secured does without both

    from billflow.lake.java import prepare_java  # noqa: PLC0415
    from billflow.lake.session import LOGGING, kerberos_options  # noqa: PLC0415

    jars = Path(pyspark.__file__).parent / "jars"
    found = [str(jar) for pattern in _JARS for jar in sorted(jars.glob(f"{pattern}.jar"))]
    configuration = os.environ.get("HADOOP_CONF_DIR")  # an empty name would be the current folder
    try:
        port, secret, process = launch_gateway(
            jarpath=next(jar for jar in found if "py4j" in jar),
            classpath=os.pathsep.join([*([configuration] if configuration else []), *found]),
            javaopts=["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", LOGGING, *kerberos_options()],
            java_path=str(prepare_java() / "bin" / "java"),
            die_on_exit=True,
            enable_auth=True,
            return_proc=True,
        )
    except (OSError, ValueError, Py4JError) as error:
        raise MachineError(
            f"Java does not start: {error}", where="Kerberos", remedy="`billflow doctor` tells which Java is found"
        ) from error
    return port, secret, process


_SECRET = re.compile(r"(delegation=)[^&\s'\")]+")


def without_token(text: str) -> str:
    """A text in which an address may be, without the token in it."""
    return _SECRET.sub(r"\1…", text)


class _Hidden(logging.Filter):
    """urllib3 tells whole addresses when it tries again."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_token(record.getMessage()), ()
        return True


for _name in ("urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_Hidden())
