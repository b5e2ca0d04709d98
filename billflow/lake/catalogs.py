"""The catalogues that periods were billed with, kept as texts: a period can be rated again under its own prices.

`_catalogs/<hash>.json` is {file name: text}; the hash is the SHA-256 of that file, so that each catalogue is kept once
and a change of it shows.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress

from billflow.errors import RunFailedError
from billflow.lake.storage import Storage

FOLDER = "_catalogs"


def keep_catalog(storage: Storage, texts: Mapping[str, str]) -> str:
    """Keeps the texts of a catalogue's files, unless they are there already; their hash."""
    found = catalog_hash(texts)
    with suppress(FileExistsError):
        storage.create(_path(found), _content(texts))
    return found


def catalog_hash(texts: Mapping[str, str]) -> str:
    """The hash that the texts of a catalogue's files are kept under."""
    return hashlib.sha256(_content(texts)).hexdigest()


def _content(texts: Mapping[str, str]) -> bytes:
    return json.dumps(dict(texts), sort_keys=True, ensure_ascii=False, indent=1).encode()


def kept_catalog(storage: Storage, catalog: str) -> dict[str, str]:
    """File name → text of the catalogue with this hash; RunFailedError when it is gone or is not the same any more."""
    try:
        content = storage.read(_path(catalog))
    except FileNotFoundError:
        raise _broken(catalog, "the catalogue of this hash is gone") from None
    if hashlib.sha256(content).hexdigest() != catalog:
        raise _broken(catalog, "the catalogue has been changed since it was kept")
    texts: dict[str, str] = json.loads(content)
    return texts


def _broken(catalog: str, what: str) -> RunFailedError:
    return RunFailedError(what, where=_path(catalog), remedy="bring the file back from a backup of the lake")


def _path(catalog: str) -> str:
    return f"{FOLDER}/{catalog}.json"
