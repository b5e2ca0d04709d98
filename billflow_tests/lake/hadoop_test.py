"""What Hadoop and Spark say, and what we make of it. The texts are theirs, as they were seen."""

import pytest

from billflow.errors import PassingError
from billflow.lake.hadoop import reason, refusal

QUOTA = "org.apache.hadoop.hdfs.protocol.DSQuotaExceededException: The DiskSpace quota of /lake is exceeded: quota = 41943040 B = 40 MB"
DENIED = 'AccessControlException: Permission denied: user=alice, access=WRITE, inode="/lake":root:supergroup:drwxr-xr-x'
SAFE = "Caused by: org.apache.hadoop.hdfs.server.namenode.SafeModeException: Cannot create directory /x. Name node is in safe mode."
FULL = "File /x could only be written to 0 of the 1 minReplication nodes. There are 0 datanode(s) running"
MISSING = "IOException: No active and not excluded nodes contain this block"
FILES = "NSQuotaExceededException: The NameSpace quota (directories and files) of directory /lake is exceeded: quota=3 file count=4"
STANDBY = "org.apache.hadoop.ipc.StandbyException: Operation category READ is not supported in state standby."
ZONES = "java.io.IOException: /lake/_staging/r can't be moved into an encryption zone."
SKEW = "GSSException: No valid credentials provided (Mechanism level: Clock skew too great (37))"
REKEYED = "javax.security.auth.login.LoginException: Checksum failed"
NOBODY = "AccessControlException: Client cannot authenticate via:[TOKEN, KERBEROS]"
SIMPLE = "AccessControlException: SIMPLE authentication is not enabled.  Available:[TOKEN, KERBEROS]"
GONE = "java.net.ConnectException: Connection refused"
KILLED = "Caused by: java.net.SocketException: Connection reset"
ENDED = (
    'java.io.EOFException: End of File Exception between local host is: "a/127.0.0.1"; destination host is: "nn":8020'
)


@pytest.mark.parametrize(
    ("text", "told", "passes"),
    [
        (QUOTA, "quota", False),
        (DENIED, "does not let this user", False),
        (SAFE, "safe mode", True),
        (FULL, "no DataNode", True),
        (MISSING, "a block of the lake", True),
        (FILES, "quota", False),
        (STANDBY, "is in standby", True),
        (ZONES, "two encryption zones", False),
        (SKEW, "this machine's clock", False),
        (REKEYED, "does not take the keytab", False),
        (NOBODY, "wants a Kerberos ticket", False),
        (SIMPLE, "we came without", False),
        (GONE, "does not answer", True),
        (KILLED, "ended the connection", True),
        (ENDED, "ended the connection", True),
    ],
)
def test_refusals(text, told, passes):
    found = refusal(f"Py4JJavaError: something\n{text}\n\tat java.lang.Thread.run", "hdfs://n/lake")
    assert told in found.what
    assert text.removeprefix("Caused by: ")[:60] in found.what
    assert found.where == "hdfs://n/lake"
    assert isinstance(found, PassingError) == passes


def test_other_errors_are_no_refusals():
    assert refusal("[DIVIDE_BY_ZERO] Division by zero.", "x") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("[DIVIDE_BY_ZERO] Division by zero.", "[DIVIDE_BY_ZERO] Division by zero."),
        (
            "An error occurred while calling o1.parquet.\n: java.lang.Bad: first\n\tat a.b(c)\nCaused by: java.lang.Worse: last",
            "java.lang.Worse: last",
        ),
        (
            'Job aborted: Lost task 1.3: java.io.IOException: Cannot run program "/x/python": error=2',
            'Cannot run program "/x/python": error=2',
        ),
        (
            "Traceback (most recent call last):\n  File \"a.py\", line 1\nModuleNotFoundError: No module named 'typst'",
            "No module named 'typst'",
        ),
    ],
)
def test_reason(text, expected):
    assert reason(text) == expected
