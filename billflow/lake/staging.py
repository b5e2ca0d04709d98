"""Staging: what a run has written and nobody reads yet. A retried step finds it by the root run's id."""

import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from billflow.errors import RunFailedError
from billflow.lake.manifest import Manifest, read_manifest
from billflow.lake.storage import Storage

FOLDER = "_staging"
_ABANDONED_AFTER_DAYS = 7


class Owner(BaseModel):
    """The process that stages, and the manifest it started from."""

    model_config = ConfigDict(frozen=True)
    run_id: str
    base: int
    host: str
    pid: int
    process_started: float
    began: float

    def is_gone(self) -> bool:
        """Whether the process no longer lives; of another host's only age tells."""
        if self.host != socket.gethostname():
            return time.time() - self.began > _ABANDONED_AFTER_DAYS * 86400
        return process_started(self.pid) != self.process_started


def process_started(pid: int) -> float:
    """When a process of this host started, in clock ticks since boot; 0 when it is gone. A pid alone is reused."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return 0.0 if fields[0] == "Z" else float(fields[19])


class Staging:
    """The folder of one root run: `_staging/<run id>/` with tables, and small results as JSON notes."""

    def __init__(self, storage: Storage, run_id: str) -> None:
        self.storage, self.run_id = storage, run_id
        self.folder = f"{FOLDER}/{run_id}"

    @classmethod
    def begin(cls, storage: Storage, run_id: str) -> "Staging":
        """An empty staging folder, owned by this process, with the newest manifest as its base."""
        staging = cls(storage, run_id)
        storage.delete(staging.folder)
        staging._own(read_manifest(storage).version)
        return staging

    def adopt(self) -> None:
        """Makes this process the owner when the one that staged is gone: a step of its run is tried again here."""
        if self.owner.is_gone():
            self._own(self.owner.base)

    def _own(self, base: int) -> None:
        pid = os.getpid()
        owner = Owner(
            run_id=self.run_id,
            base=base,
            host=socket.gethostname(),
            pid=pid,
            process_started=process_started(pid),
            began=time.time(),
        )
        self.storage.write(f"{self.folder}/owner.json", owner.model_dump_json().encode())

    @property
    def owner(self) -> Owner:
        """Who staged; RunFailedError when the folder is gone or its owner cannot be read."""
        try:
            return Owner.model_validate_json(self.storage.read(f"{self.folder}/owner.json"))
        except (FileNotFoundError, ValidationError):
            raise RunFailedError(
                "what this run had staged is gone", where=self.folder, remedy="run the whole partition again"
            ) from None

    def owner_if_known(self) -> Owner | None:
        """Who staged; None when it cannot be read."""
        try:
            return self.owner
        except RunFailedError:
            return None

    def is_abandoned(self) -> bool:
        """Whether its process is gone, or nobody knows whose it is."""
        owner = self.owner_if_known()
        return owner is None or owner.is_gone()

    def base(self) -> Manifest:
        """The manifest that the run started from."""
        return read_manifest(self.storage, self.owner.base)

    def place(self, table: str) -> str:
        """A table's folder relative to the lake."""
        return f"{self.folder}/{table}"

    def uri(self, table: str) -> str:
        """A table's folder as Spark writes it."""
        return self.storage.uri(self.place(table))

    def note(self, name: str, content: Mapping[str, Any]) -> None:
        """Keeps a small result for later steps."""
        self.storage.write(f"{self.folder}/{name}.json", json.dumps(content, indent=1).encode())

    def noted(self, name: str) -> dict[str, Any]:
        """A small result of an earlier step; RunFailedError when that step has not run."""
        try:
            content: dict[str, Any] = json.loads(self.storage.read(f"{self.folder}/{name}.json"))
        except FileNotFoundError:
            raise RunFailedError(
                f"the step that makes {name!r} has not run", where=self.folder, remedy="run the whole partition again"
            ) from None
        return content


def owners(storage: Storage) -> dict[str, Owner | None]:
    """Run id → owner of each staging folder; None where that cannot be read."""
    return {run_id: Staging(storage, run_id).owner_if_known() for run_id in storage.list(FOLDER)}
