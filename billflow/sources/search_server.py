"""OpenSearch and Elasticsearch over HTTP: what is asked of them, and what is told when they refuse or are away.

Both speak JSON, and differ only in how a point in time is opened; so no driver is needed, of which each has its own.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

import requests
from requests.auth import HTTPBasicAuth

from billflow.errors import PassingError, SettingsError
from billflow.exact_json import exact_json
from billflow.sources.servers import server_error

_PATIENCE, _SILENCE = 10, 120
"""Seconds that a server has to be found, and that it may be silent."""
_KEPT = "15m"
"""How long a point in time is kept after the last page of any part."""
_BUSY = (408, 429)
"""Statuses below 500 that may pass."""
_GONE = "search_context_missing_exception"
"""A point in time that its node has lost: another attempt of the step opens another one."""


@dataclass(frozen=True)
class Documents:
    """The documents of an index that meet a query. `url` may hold a password and is never shown."""

    url: str = field(repr=False)
    index: str
    query: str
    """The engine's own, as JSON; `{}` for all."""
    where: str
    """Place in billflow.yaml, for errors."""
    only: tuple[str, ...] = ()
    """Fields that are sent; all, if it is empty."""

    @property
    def chosen(self) -> dict[str, Any]:
        """The query as a search has it: nothing is scored."""
        wanted = json.loads(self.query, parse_float=Decimal) or {"match_all": {}}
        return {"bool": {"filter": [wanted]}}


class SearchServer:
    """The server of some documents, until it is closed. Errors are SettingsError or PassingError, without passwords."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        parts = urlsplit(documents.url)
        self.root = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
        self.session = requests.Session()
        if parts.username:  # as bytes, or only Latin-1 could be written
            self.session.auth = HTTPBasicAuth(unquote(parts.username).encode(), unquote(parts.password or "").encode())
        self.is_elasticsearch = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def found(self, **asked: Any) -> Any:
        """The answer to a search over the index."""
        return self._search(f"/{quote(self.documents.index, safe='*,:')}/_search", asked)

    def page(self, moment: str, **asked: Any) -> Any:
        """The answer to a search at a point in time."""
        return self._search("/_search", {"pit": {"id": moment, "keep_alive": _KEPT}, **asked})

    def _search(self, path: str, asked: Mapping[str, Any]) -> Any:
        # Otherwise rows of shards that fail would be left out.
        fields = {"_source": list(self.documents.only)} if self.documents.only else {}
        asked = {"query": self.documents.chosen, **fields, **asked}
        return self._answer("POST", f"{path}?allow_partial_search_results=false", asked)

    @contextmanager
    def moment(self) -> Iterator[str]:
        """The id of a point in time: whoever searches there sees the index as it is now. After a search only."""
        index = quote(self.documents.index, safe="*,:")
        path, key = ("/_pit", "id") if self.is_elasticsearch else ("/_search/point_in_time", "pit_id")
        opened = self._answer("POST", f"/{index}{path}?keep_alive={_KEPT}")[key]
        try:
            yield opened
        finally:
            with suppress(SettingsError, PassingError):  # it goes by itself
                self._answer("DELETE", path, {key: opened if self.is_elasticsearch else [opened]})

    def _answer(self, method: str, path: str, asked: Mapping[str, Any] | None = None) -> Any:
        try:
            response = self.session.request(
                method,
                self.root + path,
                data=None if asked is None else exact_json(asked).encode(),
                headers={"Content-Type": "application/json"},
                timeout=(_PATIENCE, _SILENCE),
                allow_redirects=False,
            )
        except requests.exceptions.SSLError as error:
            raise self._untrusted(error) from None
        except requests.RequestException as error:
            raise self._error(str(error), passes=True) from None
        self.is_elasticsearch = "X-Elastic-Product" in response.headers
        if response.status_code != requests.codes.ok:
            raise self._refusal(response)
        try:
            return json.loads(response.content, parse_float=Decimal)
        except ValueError:
            raise self._error("the answer is no JSON", passes=False) from None

    def _refusal(self, response: requests.Response) -> PassingError | SettingsError:
        told = _reason(response)
        passes = response.status_code in _BUSY or response.status_code >= 500 or _GONE in told
        return self._error(f"{response.status_code} {told}", passes=passes)

    def _error(self, what: str, *, passes: bool) -> PassingError | SettingsError:
        documents = self.documents
        mend = "url, index, where or watermark"
        return server_error(what, passes=passes, where=documents.where, url=documents.url, mend=mend)

    def _untrusted(self, error: Exception) -> SettingsError:
        refused = self._error(f"no trusted connection: {error}", passes=False)
        remedy = "name the file of the authority that signed its certificate: export REQUESTS_CA_BUNDLE=…"
        return SettingsError(refused.what, where=refused.where, remedy=remedy)


def _reason(response: requests.Response) -> str:
    """Why a server refuses: the first cause that its JSON tells, or its text."""
    try:
        told = json.loads(response.content)["error"]
        first = (told.get("root_cause") or [told])[0]
    except (ValueError, LookupError, TypeError, AttributeError):
        return f"{response.reason}: {response.text[:200]}"
    return f"{first.get('type')}: {first.get('reason')}"
