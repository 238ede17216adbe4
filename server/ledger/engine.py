"""The connections of the ledger: one class that hides which database it is.

Made by the composition root (`Ledger.connect`) and passed to flows and workers; the other files of this
package get the connection that `begin` or `read` gives. Knows no table. Nearly all differences between SQLite
and PostgreSQL are here; bulk.py and the row locks have the others.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from time import monotonic
from typing import Final

import orjson
from sqlalchemy import event, exc, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from server.configuration import service_urls
from server.ledger import deferred, liveness, transaction_pooling
from server.ledger.database_errors import LedgerUnavailableError, translated
from server.ledger.inline_sqlite import connect_reader, connect_writer, execute_when_free

STATEMENT_SECONDS: Final = 5.0
_CONNECT_SECONDS: Final = 5.0
_POOL_WAIT_SECONDS: Final = 5.0
CONNECTIONS: Final = 8  # to PostgreSQL, for each process
_VACUUM_WAITS_SECONDS: Final = 30.0
_SQLITE_READERS: Final = 4  # each has a thread of its own

_JSON: Final = {
    "json_serializer": lambda value: orjson.dumps(value).decode(),
    "json_deserializer": orjson.loads,
}
_TROUBLE_SECONDS: Final = 15.0  # longer than the next write takes to fail


_NOTIFY_KEY: Final = "notify_on_commit"  # key in `conn.info`: ids that the transaction has moved


class Ledger:
    """One database with its pools; share it within a process.

    `on_commit(ids)` is called after a commit with the ids that `notify_on_commit` was given in the
    transaction. It must not raise and must not wait.
    """

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self.engine = writer
        self._reader = reader
        self._trouble = ""
        self._trouble_at = 0.0
        self.on_commit: Callable[[Sequence[str]], None] = _ignore

    @classmethod
    def connect(
        cls,
        url: str,
        statement_seconds: float | None = STATEMENT_SECONDS,
        connections: int = CONNECTIONS,
    ) -> "Ledger":
        """Make the pools for `postgresql://…` (libpq's options: service_urls.py) or `sqlite:///path`.
        Nothing is opened yet. `statement_seconds` None: no limit, for migrations. `connections`: how many
        to PostgreSQL at most. Raises ValueError for an address that cannot be used.
        """
        checked = service_urls.database_url(url)
        if checked.startswith("sqlite:"):
            file = make_url(checked)
            return cls(_sqlite(file, writes=True), _sqlite(file, writes=False))
        address = service_urls.postgresql_address(checked)
        engine = _postgresql(address, statement_seconds, connections)
        return cls(engine, _reading(engine))

    def begin(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a write transaction: it commits at the end of the block and rolls back on an exception.

        SQLite runs one at a time. Raises LedgerUnavailableError.
        """
        return self._noting_trouble(_transaction(self.engine))

    @property
    def trouble(self) -> str:
        """The lasting error that the last write ran into ("disk is full"), else "". A read does not notice
        such a state.
        """
        return self._trouble if monotonic() - self._trouble_at < _TROUBLE_SECONDS else ""

    @asynccontextmanager
    async def _noting_trouble(
        self, transaction: AbstractAsyncContextManager[AsyncConnection]
    ) -> AsyncIterator[AsyncConnection]:
        try:
            async with transaction as conn:
                moved = conn.info[_NOTIFY_KEY] = list[str]()
                with deferred.collecting(conn):
                    yield conn
                    await deferred.flush(conn)
        except LedgerUnavailableError as error:
            if error.lasts:
                self._trouble, self._trouble_at = str(error), monotonic()
            raise
        self._trouble = ""
        if moved:
            self.on_commit(moved)

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a read-only transaction that sees one snapshot of the database."""
        return _transaction(self._reader)

    async def unsafe_durability_settings(self) -> dict[str, str]:
        """Return the server's settings with which a crash loses committed data; empty if there are none."""
        if self.engine.dialect.name != "postgresql":
            return {}  # we set them ourselves, see _PRAGMAS
        names = ("fsync", "synchronous_commit")
        async with self.read() as conn:
            found = {name: await conn.scalar(text(f"SHOW {name}")) for name in names}
        return {name: value for name, value in found.items() if value == "off"}

    async def vacuum(self, tables: Collection[str]) -> bool:
        """Write SQLite's file anew without what was deleted or replaced, and empty its log; let PostgreSQL
        free the rows of these tables. False: not possible now.
        """
        url = self.engine.url
        if self.engine.dialect.name == "sqlite":
            return await asyncio.to_thread(_vacuum_sqlite, url.database or "")
        try:
            with translated():
                async with AsyncExitStack() as stack:
                    conn = await _opened(stack, self.engine.connect())
                    alone = await conn.execution_options(isolation_level="AUTOCOMMIT")
                    for table in sorted(tables):
                        await alone.exec_driver_sql(f"VACUUM {table}")
        except LedgerUnavailableError:
            return False
        return True

    async def close(self) -> None:
        await self._reader.dispose()
        await self.engine.dispose()


def notify_on_commit(conn: AsyncConnection, ids: Collection[str]) -> None:
    """Pass these ids to `Ledger.on_commit` if and when this transaction is committed."""
    conn.info.setdefault(_NOTIFY_KEY, []).extend(ids)


def _ignore(_ids: Sequence[str]) -> None:
    """Do nothing: the default of `on_commit`. A worker finds moved coupons in the database."""


@asynccontextmanager
async def _transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    with translated():
        async with AsyncExitStack() as stack:
            yield await _opened(stack, engine.begin())


async def _opened(
    stack: AsyncExitStack, connection: AbstractAsyncContextManager[AsyncConnection]
) -> AsyncConnection:
    """Take a connection from the pool; `stack` gives it back."""
    try:
        return await stack.enter_async_context(connection)
    except exc.InvalidRequestError as error:
        # The pool replaces a dead connection, and gives up when new ones die as well before use.
        raise LedgerUnavailableError("no answer (new connections are cut)") from error


# --- PostgreSQL ---------------------------------------------------------------------------------


def _postgresql(
    address: service_urls.PostgresqlAddress, statement_seconds: float | None, connections: int
) -> AsyncEngine:
    limit_ms = int((statement_seconds or 0) * 1000)  # 0 = none
    settings = {
        "statement_timeout": str(limit_ms),
        "lock_timeout": str(limit_ms),
        "idle_in_transaction_session_timeout": str(2 * limit_ms),
        "timezone": "UTC",
    }
    engine = create_async_engine(
        "postgresql+asyncpg://",  # asyncpg parses the address: SQLAlchemy supports fewer forms
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_POOL_WAIT_SECONDS,
        pool_use_lifo=True,  # the connection that was used last is the least likely to be dead
        hide_parameters=True,  # keep names and codes out of error texts and logs
        **_JSON,
        connect_args={
            "dsn": address.dsn,
            "timeout": address.connect_seconds or _CONNECT_SECONDS,
            # The server's own limit comes first; this one is for a server that does not reply at all.
            "command_timeout": 2 * statement_seconds if statement_seconds else None,
        },
    )
    liveness.watch(engine)
    transaction_pooling.watch(engine, settings)
    return engine


def _reading(engine: AsyncEngine) -> AsyncEngine:
    """Return the same pool with transactions that see one snapshot and may not write."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


# --- SQLite -------------------------------------------------------------------------------------


def _sqlite(address: URL, *, writes: bool) -> AsyncEngine:
    """Return a pool of one writing connection, or of a few reading ones: WAL lets them work in parallel."""
    engine = create_async_engine(
        address.set(drivername="sqlite+aiosqlite"),
        pool_size=1 if writes else _SQLITE_READERS,
        max_overflow=0,
        pool_timeout=_POOL_WAIT_SECONDS,
        hide_parameters=True,
        **_JSON,
        connect_args={"async_creator_fn": connect_writer if writes else connect_reader},
    )

    def on_connect(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        # The driver must not begin transactions by itself: it would begin them at the first write.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS if writes else (*_PRAGMAS, "query_only=ON"):
            execute_when_free(cursor, f"PRAGMA {pragma}", STATEMENT_SECONDS)
        cursor.close()

    def on_begin(connection: Connection) -> None:
        # IMMEDIATE takes the write lock at once. Otherwise a transaction that reads and then writes fails,
        # instead of waiting, if another process wrote in between.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine.sync_engine, "connect", on_connect)
    event.listen(engine.sync_engine, "begin", on_begin)
    return engine


_PRAGMAS: Final = (
    f"busy_timeout={int(STATEMENT_SECONDS * 1000)}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
)


def _vacuum_sqlite(path: str) -> bool:
    """Vacuum on a connection of its own, in a thread: other writers wait meanwhile, the event loop does not.

    False: the file or its log was busy for too long.
    """
    connection = sqlite3.connect(path, timeout=_VACUUM_WAITS_SECONDS, isolation_level=None)
    try:
        connection.execute("VACUUM")
        # Readers may hold up the log's end for a moment; busy_timeout makes this wait for them.
        is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not is_busy
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
