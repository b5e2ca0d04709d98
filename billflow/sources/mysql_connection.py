"""MySQL and MariaDB by asyncmy, for callers that wait: what DB-API has, as far as sources use it.

Its protocol is compiled: up to a batch of Arrow it gives three times the rows a second that PyMySQL does, and the same
texts.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

_PATIENCE = 10
"""Seconds that a server has to be found."""

Answer = TypeVar("Answer")


class MySqlConnection:
    """A connection with a loop of its own; values come as the texts that the server sends, or as bytes."""

    def __init__(self, **address: Any) -> None:
        self._loop = asyncio.new_event_loop()
        try:
            self._connection = self.done(_connected({**address, "conv": {}, "connect_timeout": _PATIENCE}))
        except BaseException:
            self.done(asyncio.sleep(0))  # the socket is closed by then
            self._loop.close()
            raise

    def done(self, asked: Awaitable[Answer]) -> Answer:
        """Waits for an answer."""
        return self._loop.run_until_complete(_awaited(asked))

    def cursor(self) -> "MySqlCursor":
        """Rows come as they are asked for."""
        from asyncmy.cursors import SSCursor  # noqa: PLC0415

        return MySqlCursor(self, self._connection.cursor(SSCursor))

    def close(self) -> None:
        """Without a word to the server, which may be gone: by TLS, a close would wait for its answer."""
        transport = self._connection._transport  # noqa: SLF001  # asyncmy has no other way to hang up
        if transport is not None:
            transport.abort()
        self._connection.close()
        self.done(asyncio.sleep(0))  # the socket is closed by then
        self._loop.close()


class MySqlCursor:
    """One statement and its rows."""

    def __init__(self, connection: MySqlConnection, cursor: Any) -> None:
        self._connection, self._cursor, self._failed = connection, cursor, False

    @property
    def description(self) -> Sequence[Sequence[Any]]:
        """As DB-API has it: name, number of the type, …, digits behind the point at 5."""
        found: Sequence[Sequence[Any]] = self._cursor.description
        return found

    def execute(self, statement: str) -> None:
        """Sends it."""
        self._done(self._cursor.execute(statement))

    def fetchone(self) -> Any:
        """The next row."""
        return self._done(self._cursor.fetchone())

    def fetchmany(self, count: int) -> Any:
        """So many further rows, or what there is."""
        return self._done(self._cursor.fetchmany(count))

    def close(self) -> None:
        """Rows that nobody asked for are read to their end, or the connection would take them for later ones.

        After an error there is nothing to read, and what that raises would stand for the error.
        """
        if not self._failed:
            self._done(self._cursor.close())

    def _done(self, asked: Awaitable[Answer]) -> Answer:
        try:
            return self._connection.done(asked)
        except BaseException:
            self._failed = True
            raise


async def _connected(address: dict[str, Any]) -> Any:
    """By TLS where the server offers it, whoever has signed its certificate; else without, as MySQL's clients do."""
    import asyncmy  # noqa: PLC0415  # other commands spare loading it

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        return await asyncmy.connect(**address, ssl=context)
    except asyncmy.errors.OperationalError as error:
        # A server without TLS answers in plain text, and hangs up.
        if not isinstance(error.__cause__, ssl.SSLError | ConnectionResetError | BrokenPipeError):
            raise
    return await asyncmy.connect(**address)


async def _awaited(asked: Awaitable[Answer]) -> Answer:
    return await asked
