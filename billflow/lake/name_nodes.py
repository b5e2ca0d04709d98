"""Where HDFS is asked over HTTP, by whom, and how it is secured: what the machine's Hadoop configuration says."""

import getpass
import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from billflow.errors import MachineError

_UMASK = "fs.permissions.umask-mode"

WEB_PORTS = {"http": 9870, "https": 9871}


def user_name() -> str:
    """Who we are on HDFS, as Hadoop's own client decides it."""
    return os.environ.get("HADOOP_USER_NAME") or getpass.getuser()


def name_nodes(root: str, webhdfs: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """WebHDFS addresses of the NameNodes behind an hdfs:// URI, as the `hdfs` package takes them (with semicolons).

    Those that billflow.yaml names; else those of $HADOOP_CONF_DIR/hdfs-site.xml, for a name service of several
    NameNodes too; else port 9870 of the URI's host. https where the configuration allows nothing else.
    """
    if webhdfs:
        return ";".join(_with_scheme(one.strip()) for one in webhdfs.split(","))
    host = urlsplit(root).hostname or ""
    configured = _configured("hdfs-site.xml", environment)
    scheme = "https" if configured.get("dfs.http.policy") == "HTTPS_ONLY" else "http"
    address = f"dfs.namenode.{scheme}-address"
    nodes = configured.get(f"dfs.ha.namenodes.{host}", "")
    keys = [f"{address}.{host}.{node.strip()}" for node in nodes.split(",") if node.strip()]
    found = [configured[key] for key in keys or [address] if key in configured]
    found = [one.replace("0.0.0.0", host) for one in found]  # noqa: S104  # a server's word for all its addresses
    return ";".join(_with_scheme(one, scheme) for one in found) or f"{scheme}://{host}:{WEB_PORTS[scheme]}"


def wants_kerberos(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether core-site.xml says that HDFS knows by Kerberos who asks."""
    return _configured("core-site.xml", environment).get("hadoop.security.authentication", "").lower() == "kerberos"


def modes(environment: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """The permissions of new files and folders by fs.permissions.umask-mode, in octal digits: 644 and 755 without one.

    Spark's client applies it by itself. Over WebHDFS nobody does: there permissions come with the request.
    """
    places = ("hdfs-site.xml", "core-site.xml")  # Hadoop reads the first one last, so that it wins
    umask = next((found for place in places if (found := _configured(place, environment).get(_UMASK))), "022")
    left = _left_by(umask)
    if left is None:
        raise MachineError(
            f"{_UMASK} is {umask!r}",
            where=f"{environment.get('HADOOP_CONF_DIR')}",
            remedy="write it as octal digits, such as 027, or in words, such as u=rwx,g=rx,o=",
        )
    return f"{0o666 & left:03o}", f"{0o777 & left:03o}"


def _left_by(umask: str) -> int | None:
    """The permissions that a umask leaves; None for what Hadoop does not understand either.

    Digits say what is taken away, words what is left, and who is not named is left nothing. Of several words for one
    the last counts; what a word adds or removes, it does to nothing.
    """
    if re.fullmatch("0?[0-7]{3}", umask):
        return 0o777 & ~int(umask, 8)
    words = [re.fullmatch("([ugoa]*)([=+-])([rwx]*)", word.strip()) for word in umask.split(",")]
    left: dict[str, int] = {}
    for word in words:
        if word is None:
            return None
        who, sign, what = word.groups()
        granted = "" if sign == "-" else what
        named = "ugo" if "a" in who else who or "ugo"
        left |= dict.fromkeys(named, sum({"r": 4, "w": 2, "x": 1}[one] for one in set(granted)))
    return sum(left.get(one, 0) << shift for one, shift in (("u", 6), ("g", 3), ("o", 0)))


def _with_scheme(address: str, scheme: str = "http") -> str:
    return address if "://" in address else f"{scheme}://{address}"


def _configured(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Name → value of a file in $HADOOP_CONF_DIR; nothing when there is none."""
    file = Path(environment.get("HADOOP_CONF_DIR") or "/nowhere") / name
    if not file.is_file():
        return {}
    try:
        properties = ET.parse(file).getroot().iter("property")  # noqa: S314  # the machine's own configuration
    except ET.ParseError as error:
        raise MachineError(f"cannot be read: {error}", where=str(file), remedy="mend the file") from error
    return {one.findtext("name", ""): one.findtext("value", "").strip() for one in properties}
