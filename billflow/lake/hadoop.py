"""What Hadoop and Spark refuse, told in our words: what can pass by itself, and what to do about the rest."""

import re
from dataclasses import dataclass

from billflow.errors import BillflowError, MachineError, PassingError, RunFailedError


@dataclass(frozen=True)
class _Refusal:
    signs: tuple[str, ...]
    """Names of Java exceptions, or words of their messages."""
    what: str
    remedy: str
    passes: bool = False


_REFUSALS = (
    _Refusal(
        ("SIMPLE authentication is not enabled", "Authentication required"),
        "HDFS is secured by Kerberos, and we came without",
        "name hdfs: {principal: …, keytab: …} in billflow.yaml, or get a ticket with kinit, and set HADOOP_CONF_DIR to "
        "the configuration of this HDFS",
    ),
    _Refusal(
        ("Failed to specify server's Kerberos principal name", "Server not found in Kerberos database"),
        "Hadoop's configuration does not say who its servers are, or Kerberos does not know them",
        "set HADOOP_CONF_DIR to the configuration of this HDFS (dfs.namenode.kerberos.principal in hdfs-site.xml)",
    ),
    _Refusal(
        (
            "Unable to obtain password",
            "Checksum failed",
            "Integrity check on decrypted field",
            "Pre-authentication information was invalid",
            "Client not found in Kerberos database",
        ),
        "Kerberos does not take the keytab for this principal",
        "`klist -kt KEYTAB` lists whose keys it holds; with new keys from the KDC `kinit -kt KEYTAB PRINCIPAL` works",
    ),
    _Refusal(
        ("Clock skew too great",),
        "Kerberos does not believe this machine's clock",
        "set it by the same time server as the KDC's (chrony or systemd-timesyncd)",
    ),
    _Refusal(
        (
            "any KDC",
            "locate KDC",
            "find KDC",
            "LoginException: Connection refused",
            "LoginException: Receive timed out",
            "Can't get Kerberos realm",
        ),
        "no KDC of Kerberos answers",
        "start it, or name the right one in /etc/krb5.conf (or in the file that KRB5_CONFIG names)",
        passes=True,
    ),
    _Refusal(
        ("Client cannot authenticate via", "Failed to find any Kerberos", "No valid credentials provided"),
        "HDFS wants a Kerberos ticket, and there is none that is valid",
        "name hdfs: {principal: …, keytab: …} in billflow.yaml, or get a ticket with kinit; klist shows it",
    ),
    _Refusal(
        ("QuotaExceeded", "quota of"),
        "the lake's folder has reached its quota on HDFS",
        "raise it (hdfs dfsadmin -setSpaceQuota, -setQuota) or remove what is not needed, then run again",
    ),
    _Refusal(
        ("AccessControlException", "Permission denied"),
        "HDFS does not let this user write or read there",
        "grant the user access (hdfs dfs -chown, -chmod), or name another one in HADOOP_USER_NAME",
    ),
    _Refusal(
        ("SafeModeException", "Name node is in safe mode"),
        "HDFS is in safe mode: it can be read but not written",
        "wait until enough DataNodes have reported, or end it with hdfs dfsadmin -safemode leave; then run again",
        passes=True,
    ),
    _Refusal(
        ("could only be written to", "replicated to 0 nodes", "Unable to close file", "All datanodes"),
        "no DataNode of HDFS takes new blocks: none is alive, or their disks are full",
        "start DataNodes or make room on them, then run again",
        passes=True,
    ),
    _Refusal(
        ("BlockMissingException", "Could not obtain", "nodes contain this block", "from all available datanodes"),
        "a block of the lake is on no DataNode that is alive",
        "start the DataNodes that hold it (hdfs fsck names them), then run again",
        passes=True,
    ),
    _Refusal(
        ("StandbyException",),
        "the NameNode that was asked is in standby",
        "name all of them (webhdfs: http://nn1:9870,http://nn2:9870, and lake: hdfs://SERVICE/…), or set "
        "HADOOP_CONF_DIR to a configuration that does; then run again",
        passes=True,
    ),
    _Refusal(
        ("moved into an encryption zone", "moved from an encryption zone", "moved from encryption zone"),
        "the lake lies in two encryption zones of HDFS, and nothing can be renamed from one into the other",
        "make one zone of the lake's whole folder, or none inside it",
    ),
    _Refusal(
        (
            "ConnectException",
            "Connection refused",
            "NoRouteToHost",
            "UnknownHostException",
            "RetriableException",
        ),
        "a server does not answer",
        "`billflow doctor` tries each server and says which; start it, then run again",
        passes=True,
    ),
    _Refusal(
        # Of a NameNode that is killed while it is asked: Hadoop's client asks again only before it has sent anything.
        ("Connection reset", "Broken pipe", "End of File Exception between"),
        "a server ended the connection in the middle",
        "`billflow doctor` tries each server and says which; see its log, then run again",
        passes=True,
    ),
)


def refusal(text: str, where: str) -> MachineError | None:
    """The error behind an exception of Hadoop's client or server, by its text; None for one that is none of these.

    The first line of `text` that shows the sign is told with it.
    """
    for known in _REFUSALS:
        line = next((line for line in text.splitlines() if any(sign in line for sign in known.signs)), None)
        if line is not None:
            kind = PassingError if known.passes else MachineError
            return kind(f"{known.what} ({_short(line)})", where=where, remedy=known.remedy)
    return None


_NOISE = re.compile(r"^(at |\t|An error occurred while calling|Traceback|File |Driver stacktrace|\.\.\. \d+ more)")
_TELLING = re.compile(r"Cannot run program|No module named|PYTHON_VERSION_MISMATCH|OutOfMemory|ExecutorLost")


def reason(text: str) -> str:
    """What tells most of an exception's long report: from a known sign on, else the last cause, else the first line."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not _NOISE.match(line)]
    telling = [line[sign.start() :] for line in lines if (sign := _TELLING.search(line))]
    causes = [line for line in lines if line.startswith("Caused by: ")]
    return _short((telling[:1] or causes[-1:] or lines[:1] or [""])[0].removeprefix(": "))


def _short(line: str) -> str:
    told = line.strip().removeprefix("Caused by: ").removeprefix(": ")
    return told if len(told) <= 240 else told[:237] + "…"


_PASSING = ("java.io.IOException", "ExecutorLostFailure", "MetadataFetchFailed", "FetchFailed")


def of_spark(error: Exception) -> BillflowError:
    """What an exception of Spark's comes down to."""
    text = str(error)
    told = refusal(text, "the lake")
    if told is not None:
        return told
    what = f"Spark stopped: {reason(text) or type(error).__name__}"
    kind = PassingError if any(sign in text for sign in _PASSING) else RunFailedError
    return kind(what, remedy="Spark's own log and the run's log say more; run again when the cause is mended")


def not_started(error: Exception) -> MachineError:
    """What an exception comes down to that Spark raised when a session was to start."""
    told = of_spark(error)
    if isinstance(told, MachineError):
        return told
    return MachineError(
        f"Spark does not start: {reason(str(error)) or type(error).__name__}",
        where="spark: of billflow.yaml",
        remedy="what it printed above says why; mend spark.jars.packages, spark.jars or another spark.* there",
    )
