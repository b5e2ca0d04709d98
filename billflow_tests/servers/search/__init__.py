"""Real nodes of OpenSearch and Elasticsearch on loopback, from their jars in Maven Central.

Passwords are checked by a few lines of ours, for the engines' own security plugins are no jars there.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import requests

from billflow_tests.servers.maven import jars
from billflow_tests.servers.processes import ONE_COMPILER, Server, free_port, unavailable

FOLDER = Path(__file__).parent
USER, PASSWORD = "bill", "páss word"
Engine = Literal["opensearch", "elasticsearch"]
_OTHER_NAMES = {"org.opensearch.core.rest": "org.elasticsearch.rest", "org.opensearch": "org.elasticsearch"}


class SearchNode:
    """`url` with user and password."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        for tool in ("javac", "mvn"):
            if not shutil.which(tool):
                unavailable(f"{engine} cannot be started: there is no {tool} on the PATH")
        self.port = free_port()
        self.url = f"http://{USER}:p%C3%A1ss%20word@127.0.0.1:{self.port}"
        command = [
            "java",
            "-Xmx384m",
            ONE_COMPILER,
            "-XX:+UseSerialGC",
            "-cp",
            jars(FOLDER / f"{engine}.xml", folder / "classpath"),
            program(folder, engine),
        ]
        arguments = [str(self.port), str(free_port()), str(folder), f"{USER}:{PASSWORD}"]
        self.server = Server([*command, *arguments], folder / "node.log")
        self.server.wait_for(self.is_ready, f"{engine} serves")

    def ask(self, method: str, path: str, body: str = "") -> Any:
        """The JSON of an answer."""
        address, auth = f"http://127.0.0.1:{self.port}/{path}", (USER.encode(), PASSWORD.encode())
        headers = {"Content-Type": "application/json"}
        answer = requests.request(method, address, data=body.encode(), auth=auth, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def make(self, index: str, documents: Mapping[str, str], *, shards: int = 1, **mapped: str) -> None:
        """An index of documents: id → JSON as it is; field → type where it is not to be guessed."""
        settings = {"number_of_shards": shards, "number_of_replicas": 0}
        properties = {name: {"type": kind} for name, kind in mapped.items()}
        self.ask("PUT", index, json.dumps({"settings": settings, "mappings": {"properties": properties}}))
        self.add(index, documents)

    def add(self, index: str, documents: Mapping[str, str]) -> None:
        lines: Sequence[str] = [f'{{"index": {{"_id": "{key}"}}}}\n{text}\n' for key, text in documents.items()]
        if lines:
            assert not self.ask("POST", f"{index}/_bulk?refresh=true", "".join(lines))["errors"]

    def is_ready(self) -> bool:
        with suppress(requests.RequestException):
            return bool(self.ask("GET", "_cluster/health")["number_of_nodes"])
        return False

    def stop(self) -> None:
        self.server.kill()


def program(folder: Path, engine: Engine) -> str:
    """The same few lines start both: one was made from the other, and most names are those of before."""
    text = (FOLDER / "Serve.java").read_text()
    for name, other in _OTHER_NAMES.items() if engine == "elasticsearch" else ():
        text = text.replace(name, other)
    (folder / "Serve.java").write_text(text)
    return str(folder / "Serve.java")
