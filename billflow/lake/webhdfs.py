"""Requests to WebHDFS: who asks and whom is trusted, what is tried again, and no token in any text."""

import re
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import requests
from hdfs import Client, HdfsError
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import Retry

from billflow.errors import MachineError
from billflow.lake.healing import action, note
from billflow.lake.kerberos import Login, token, without_token
from billflow.lake.name_nodes import user_name, wants_kerberos
from billflow.settings import HdfsSettings

_PATIENCE = (10, 60)
"""Seconds to wait for a connection, and for an answer."""

_TRIES = 6
"""A NameNode sends us to a DataNode by chance, for a while also to one that has just died."""

_STARTING = (0.5, 1, 2, 4, 8, 15)
"""Seconds between questions to a NameNode that is there and does nothing yet: it learns which blocks there are."""

_NOT_REACHED = ("ConnectException", "SocketException", "EOFException", "NoRouteToHostException")
"""What a DataNode says of a NameNode that is away, or was killed while it was asked."""

_NO_BLOCKS_YET = "Zero blocklocations"
"""What a NameNode says of a file while no DataNode has told it what it has."""

_TOKEN_IS_GONE = ("InvalidToken", "can't be found in cache", "is expired", "TokenExpired")


def login_of(root: str, secured: HdfsSettings) -> Login | None:
    """Who asks a secured HDFS; None where anybody is whom he says he is."""
    if secured.principal or wants_kerberos():
        return Login(root, secured.principal, str(secured.keytab or ""))
    return None


class _AsWhom(AuthBase):
    """Says in each request who asks: by name, or by a token where Kerberos knows us."""

    def __init__(self, login: Login | None) -> None:
        self.login, self.token = login, ""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        url = request.url or ""
        if "delegation=" in url or "user.name=" in url:
            return request  # the NameNode sends us to a DataNode with it
        if self.login:
            self.token = self.token or token(self.login)
        request.prepare_url(url, {"delegation": self.token} if self.login else {"user.name": user_name()})
        return request

    def renew(self) -> None:
        """Gets another token."""
        if self.login:
            self.token = token(self.login, refused=self.token)


class WebHdfs(Client):
    """The `hdfs` package's client, with two operations as the lake needs them."""

    def __init__(self, urls: str, root: str, login: Login | None, ca: Path | None) -> None:
        _check_certificates(ca)
        self._as_whom, self._ca = _AsWhom(login), ca
        session = requests.Session()
        session.auth = self._as_whom
        # Only connections that were never made are tried again: what was sent may have been done.
        retries = Retry(connect=2, read=False, redirect=None, status=0, other=0, backoff_factor=0.5)
        session.mount("http://", HTTPAdapter(max_retries=retries))
        session.mount("https://", HTTPAdapter(max_retries=retries))
        super().__init__(urls, root=root, timeout=_PATIENCE, session=session)

    def _request(self, method: str, url: str, **options: Any) -> requests.Response:
        """One request; again when HDFS does not take our token (any more), or is starting: nothing was done then."""
        answer, repeatable = self._sent(method, url, options), options.get("data") is None
        if self._as_whom.login and repeatable and _refuses_token(answer):
            note(action("token renewed", "HDFS", _plain(answer.text)))
            self._as_whom.renew()
            answer = self._sent(method, url, options)
        for wait in _STARTING if len(self._urls) == 1 else ():  # of several, another one is asked
            if not (repeatable and _says_later(answer)):
                break
            note(action("HDFS asked again", "HDFS", _plain(answer.text), waited=wait))
            time.sleep(wait)
            answer = self._sent(method, url, options)
        if answer.status_code == requests.codes.unauthorized:
            raise HdfsError(f"Authentication required: {_plain(answer.text)}", exception="AuthenticationException")
        return answer

    def _sent(self, method: str, url: str, options: dict[str, Any]) -> requests.Response:
        # Said in each request: in a session $REQUESTS_CA_BUNDLE would be stronger than billflow.yaml.
        verify = {"verify": str(self._ca)} if self._ca else {}
        try:
            answer: requests.Response = super()._request(method, url, **verify, **options)
        except requests.RequestException as error:
            # Addresses are in these texts, and in addresses there are tokens.
            if len(self._urls) > 1 and url.startswith(tuple(self._urls)):
                note(action("another NameNode asked", "HDFS", reason_of(error)))
            raise type(error)(reason_of(error)) from None
        _note_again(answer)
        return answer

    def move(self, source: str, target: str, *, overwrite: bool = False) -> None:
        """A rename that fails when the target exists. The package's own would move a folder into an existing one."""
        options = "OVERWRITE" if overwrite else "NONE"
        self._rename(source, destination=self.resolve(target), renameoptions=options)

    def fetched(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        """A range of a file, or all of it."""

        def fetch() -> bytes:
            with self.read(path, offset=offset, length=length) as content:
                return bytes(content.read())

        return tried(fetch)

    def entries(self, path: str) -> dict[str, Mapping[str, Any]]:
        """Name → status of what is in a folder; nothing for a file."""
        found = self._list_status(path).json()["FileStatuses"]["FileStatus"]
        return {one["pathSuffix"]: one for one in found if one["pathSuffix"]}


def _check_certificates(ca: Path | None) -> None:
    try:
        if ca:
            ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise MachineError(
            f"certificates cannot be read: {error.strerror or error}",
            where=str(ca),
            remedy="name a file with certificates in PEM in billflow.yaml (hdfs: {ca: …})",
        ) from error


def _refuses_token(answer: requests.Response) -> bool:
    return answer.status_code in (401, 403) and any(sign in answer.text for sign in _TOKEN_IS_GONE)


def _says_later(answer: requests.Response) -> bool:
    return answer.status_code == requests.codes.forbidden and "RetriableException" in answer.text


def _plain(page: str) -> str:
    """The message of an error's page."""
    told = re.search(r"<title>([^<]*)", page) or re.search(r'"message":"([^"]*)', page)
    return told[1].strip() if told else page[:200]


_T = TypeVar("_T")


def tried(transfer: Callable[[], _T]) -> _T:
    """The result of a transfer that may be repeated, tried again while the server that it was sent to is not there.

    Or while that one, a DataNode, does not reach the NameNode, or the NameNode has just come back: that takes longer.
    """
    for attempt in range(_TRIES - 1):
        try:
            return transfer()
        except requests.exceptions.SSLError:
            raise
        except requests.ConnectionError as error:
            _wait(error, 0.1 * 2**attempt)
        except HdfsError as error:
            if error.exception not in _NOT_REACHED and _NO_BLOCKS_YET not in str(error):
                raise
            _wait(error, 0.5 * 2**attempt)
    return transfer()


def _wait(error: Exception, seconds: float) -> None:
    note(action("HDFS asked again", "HDFS", reason_of(error), waited=seconds))
    time.sleep(seconds)


def _note_again(answer: requests.Response) -> None:
    """Notes the connections that were not made before the one that gave this answer."""
    before = answer.raw.retries.history if answer.raw.retries else ()
    note(*(action("HDFS asked again", "HDFS", reason_of(one.error)) for one in before if one.error))


def reason_of(error: Exception) -> str:
    """The last of the reasons that HTTP libraries wrap in one another, without their objects' addresses."""
    while isinstance(cause := error.__cause__ or error.__context__, Exception):
        error = cause
    return without_token(re.sub(r"<[^>]*>:? ?", "", str(error))) or type(error).__name__
