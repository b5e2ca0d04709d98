"""What HDFS refuses, told in our words: which of its exceptions can pass by itself, and what to do about the others."""

from dataclasses import dataclass

from billflow.errors import MachineError, PassingError


@dataclass(frozen=True)
class _Refusal:
    signs: tuple[str, ...]
    """Names of Java exceptions, or words of their messages."""
    what: str
    remedy: str
    passes: bool = False


_REFUSALS = (
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
        ("BlockMissingException", "Could not obtain block", "Could not obtain the last block"),
        "a block of the lake is on no DataNode that is alive",
        "start the DataNodes that hold it (hdfs fsck names them), then run again",
        passes=True,
    ),
    _Refusal(
        ("ConnectException", "Connection refused", "NoRouteToHost", "UnknownHostException", "StandbyException"),
        "a server does not answer",
        "`billflow doctor` tries each server and says which; start it, then run again",
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


def _short(line: str) -> str:
    told = line.strip().removeprefix("Caused by: ")
    return told if len(told) <= 240 else told[:237] + "…"
