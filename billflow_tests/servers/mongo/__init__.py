"""A stand-in for MongoDB: mongo-java-server, which speaks its wire protocol over TCP and keeps all in memory.

No package brings the real server. What the stand-in cannot show: users, replica sets, snapshots, real indexes.
"""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from billflow_tests.servers.maven import jars
from billflow_tests.servers.processes import Server, free_port, unavailable

FOLDER = Path(__file__).parent


class Mongo:
    """`url` of its database `app`."""

    def __init__(self, folder: Path) -> None:
        for tool in ("javac", "mvn"):
            if not shutil.which(tool):
                unavailable(f"the stand-in for MongoDB cannot be started: there is no {tool} on the PATH")
        self.port = free_port()
        self.url = f"mongodb://127.0.0.1:{self.port}/app"
        self.client: Any = MongoClient(self.url, serverSelectionTimeoutMS=500)
        command = ["java", "-Xmx256m", "-cp", jars(FOLDER / "pom.xml", folder / "mongo.classpath")]
        self.server = Server([*command, str(FOLDER / "Serve.java"), str(self.port)], folder / "mongo.log")
        self.server.wait_for(self.is_ready, "the stand-in for MongoDB serves")

    @property
    def app(self) -> Any:
        return self.client.get_default_database()

    def is_ready(self) -> bool:
        with suppress(PyMongoError):
            return bool(self.client.admin.command("ping")["ok"])
        return False

    def stop(self) -> None:
        self.client.close()
        self.server.kill()
