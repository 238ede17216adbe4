"""The connections of the ledger: one class that hides which database it is.

Made by the composition root (`Ledger.connect`) and passed to flows and workers; the other files of this
package get the connection that `begin` or `read` gives. Knows no table. Nearly all differences between SQLite
and PostgreSQL are here; bulk.py and the row locks have the others.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from time import monotonic
from typing import Final

import asyncpg
import orjson
from sqlalchemy import event, exc, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from server import service_urls
from server.ledger import liveness
from server.ledger.inline_sqlite import connect_reader, connect_writer, execute_when_free

STATEMENT_SECONDS: Final = 5.0
_CONNECT_SECONDS: Final = 5.0
_POOL_WAIT_SECONDS: Final = 5.0
_POSTGRESQL_POOL: Final = 8  # for each process; up to twice that under load
_SQLITE_READERS: Final = 4  # each has a thread of its own

# PostgreSQL's error classes after which the same statement may succeed: 08 connection, 40 rolled back by the
# server (deadlock), 53 resources, 55 object in use (lock timeout), 57 operator intervention (shutdown,
# statement timeout), 58 system.
_RETRYABLE_CLASSES: Final = ("08", "40", "53", "55", "57", "58")
_READ_ONLY: Final = "25006"
# Errors that last until an operator acts, in words for that operator.
_LASTING_STATES: Final = {
    "53100": "disk is full",
    "53200": "out of memory",
    _READ_ONLY: "read-only",
    "58030": "its disk gives errors",
}
_LASTING_CODES: Final = {
    sqlite3.SQLITE_BUSY: "locked by another process",
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
    sqlite3.SQLITE_FULL: "disk is full",
    sqlite3.SQLITE_IOERR: "its disk gives errors",
    sqlite3.SQLITE_NOTADB: "its file is damaged",
    sqlite3.SQLITE_READONLY: "read-only",
}
_JSON: Final = {
    "json_serializer": lambda value: orjson.dumps(value).decode(),
    "json_deserializer": orjson.loads,
}
_TROUBLE_SECONDS: Final = 15.0  # longer than the next write takes to fail


_NOTIFY_KEY: Final = "notify_on_commit"  # key in `conn.info`: ids that the transaction has moved


class LedgerUnavailableError(Exception):
    """The database is away, locked or full, or took too long; the text says which.

    Nothing was committed, or it is not known whether it was: only repeat what is idempotent. `lasts` is True
    if the state lasts until an operator acts.
    """

    def __init__(self, words: str = "away", *, lasts: bool = False) -> None:
        super().__init__(words)
        self.lasts = lasts


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
    def connect(cls, url: str, statement_seconds: float | None = STATEMENT_SECONDS) -> "Ledger":
        """Make the pools for `postgresql://…` (libpq's options: service_urls.py) or `sqlite:///path`.
        Nothing is opened yet. `statement_seconds` None: no limit, for migrations. Raises ValueError
        for an address that cannot be used.
        """
        checked = service_urls.database_url(url)
        if checked.startswith("sqlite:"):
            address = make_url(checked)
            return cls(_sqlite(address, writes=True), _sqlite(address, writes=False))
        engine = _postgresql(service_urls.postgresql_address(checked), statement_seconds)
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
                yield conn
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
    with _translated():
        async with engine.begin() as conn:
            yield conn


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except asyncpg.ClientConfigurationError:
        raise  # also an InterfaceError, but a retry does not help
    except (exc.TimeoutError, OSError, asyncpg.InterfaceError) as error:
        raise LedgerUnavailableError(f"no answer ({_name_of(error)})") from error
    except (exc.DBAPIError, asyncpg.PostgresError) as error:
        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        lasting = _lasting_cause(cause)
        if lasting is None and not _is_retryable(error):
            raise
        words = lasting or f"not now ({_name_of(cause)})"
        raise LedgerUnavailableError(words, lasts=lasting is not None) from error


def _name_of(error: BaseException | None) -> str:
    """Return type and first line of the error; the other lines repeat the statement."""
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _is_retryable(error: exc.DBAPIError | asyncpg.PostgresError) -> bool:
    """Return whether the same statement may succeed a moment later."""
    if isinstance(error, exc.DBAPIError):
        if error.connection_invalidated or isinstance(error, exc.InterfaceError):
            return True
        if isinstance(error.orig, sqlite3.OperationalError):
            # The generic code means an error in our SQL, for example no such table.
            return error.orig.sqlite_errorcode & 0xFF != sqlite3.SQLITE_ERROR
    source = error.orig if isinstance(error, exc.DBAPIError) else error
    return _state_of(source)[:2] in _RETRYABLE_CLASSES


def _lasting_cause(error: BaseException | None) -> str | None:
    """Return the words for a state that an operator has to end, else None."""
    if isinstance(error, sqlite3.DatabaseError):
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return _LASTING_CODES.get(code & 0xFF)
    return _LASTING_STATES.get(_state_of(error))


def _state_of(error: BaseException | None) -> str:
    return str(getattr(error, "sqlstate", None) or "")


# --- PostgreSQL ---------------------------------------------------------------------------------


def _postgresql(
    address: service_urls.PostgresqlAddress, statement_seconds: float | None
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
        pool_size=_POSTGRESQL_POOL,
        max_overflow=_POSTGRESQL_POOL,
        pool_timeout=_POOL_WAIT_SECONDS,
        pool_use_lifo=True,  # the connection that was used last is the least likely to be dead
        hide_parameters=True,  # keep names and codes out of error texts and logs
        **_JSON,
        connect_args={
            "dsn": address.dsn,
            "timeout": address.connect_seconds or _CONNECT_SECONDS,
            # The server's own limit comes first; this one is for a server that does not reply at all.
            "command_timeout": 2 * statement_seconds if statement_seconds else None,
            "server_settings": settings,
        },
    )
    liveness.watch(engine)
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
