"""Staging: what a run has written and nobody reads yet. A retried step finds it by the root run's id."""

import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from billflow.errors import ConflictError, RunFailedError
from billflow.lake.manifest import Manifest, is_correction, read_manifest, versions
from billflow.lake.storage import Storage

FOLDER = "_staging"
_ABANDONED_AFTER_DAYS = 7


class Owner(BaseModel):
    """The process that stages, the partition it stages for, and the manifest it started from."""

    model_config = ConfigDict(frozen=True)
    run_id: str
    key: str = ""
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

    def has_ended(self, storage: Storage, head: Manifest) -> bool:
        """Whether nobody will go on with what is staged: the process is gone, and its run cannot be tried again.

        It can for some days, until it has published its documents or another run has published its partition. A
        correction is no run of Dagster's: it ends with its process.
        """
        if not self.is_gone():
            return False
        if is_correction(self.key):
            return True
        now = head.partitions.get(self.key)
        if now is not None and now.run_id == self.run_id:
            return "documents" in now.tables
        known = self.base in versions(storage)
        before = read_manifest(storage, self.base).partitions.get(self.key) if known else None
        return now != before or time.time() - self.began > _ABANDONED_AFTER_DAYS * 86400


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
    def begin(cls, storage: Storage, run_id: str, key: str = "") -> "Staging":
        """An empty staging folder for a partition, owned by this process, with the newest manifest as its base.

        ConflictError when another process is at work on the same run.
        """
        staging = cls(storage, run_id)
        owner = staging.owner_if_known()
        if owner:
            staging._check_ours(owner)
        storage.delete(staging.folder)
        staging._own(read_manifest(storage).version, key)
        return staging

    def adopt(self) -> None:
        """Makes this process the owner when the one that staged is gone: a step of its run is tried again here.

        ConflictError when that one lives.
        """
        owner = self.owner
        self._check_ours(owner)
        if owner.is_gone():
            self._own(owner.base, owner.key)

    def _check_ours(self, owner: Owner) -> None:
        here = owner.host == socket.gethostname()
        if here and owner.pid != os.getpid() and not owner.is_gone():
            raise ConflictError(
                f"process {owner.pid} is at work on this run",
                where=self.folder,
                remedy="wait until it ends, or end it; then run again",
            )

    def _own(self, base: int, key: str) -> None:
        pid = os.getpid()
        owner = Owner(
            run_id=self.run_id,
            key=key,
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

    def is_abandoned(self, head: Manifest) -> bool:
        """Whether its run has ended, or nobody knows whose it is."""
        owner = self.owner_if_known()
        return owner is None or owner.has_ended(self.storage, head)

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
