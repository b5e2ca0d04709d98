"""Records of what billflow has healed by itself, which runs, the UI and `billflow status` show.

`_healed/` has a small file for each step or command that healed something, the newest of them only. Nothing in there is
read to bill, and a record that cannot be kept stops nobody.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from billflow.errors import BillflowError
from billflow.lake.healing import Action, summed
from billflow.lake.storage import Storage

FOLDER = "_healed"
_KEPT = 200
"""Records that stay: each is a file, of which a NameNode has to know."""
_LOG = logging.getLogger(__name__)


class Healed(BaseModel):
    """What one run, or one command, has healed."""

    model_config = ConfigDict(frozen=True)
    at: datetime
    by: str
    """The id of a run, or a command."""
    key: str = ""
    """The partition of a run."""
    actions: tuple[Action, ...]


def keep(storage: Storage, actions: Iterable[Action], *, by: str, key: str = "") -> None:
    """Writes a record of actions, if there are any, and removes the oldest that are too many."""
    healed = Healed(at=datetime.now(UTC), by=by, key=key, actions=tuple(summed(actions)))
    if not healed.actions:
        return
    name = f"{healed.at:%Y%m%dT%H%M%S%f}-{by.replace(' ', '_')}.json"
    try:
        storage.write(f"{FOLDER}/{name}", healed.model_dump_json(indent=1).encode())
        for old in _names(storage)[_KEPT:]:
            storage.delete(f"{FOLDER}/{old}")
    except (BillflowError, OSError) as problem:
        _LOG.warning("what was healed is not recorded in the lake: %s", problem)


def healed(storage: Storage, *, by: str = "", newest: int = _KEPT) -> Iterator[Healed]:
    """Records, the newest first; of one run or command, when it is named. One that cannot be read is left out."""
    names = [name for name in _names(storage) if name.endswith(f"-{by.replace(' ', '_')}.json" if by else ".json")]
    for name in names[:newest]:
        try:
            yield Healed.model_validate_json(storage.read(f"{FOLDER}/{name}"))
        except (FileNotFoundError, ValidationError) as problem:
            _LOG.warning("%s/%s cannot be read: %s", FOLDER, name, problem)


def _names(storage: Storage) -> list[str]:
    return sorted((name for name in storage.list(FOLDER) if not name.startswith(".")), reverse=True)
