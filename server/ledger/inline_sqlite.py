"""SQLite connections that use their thread only for calls that may wait or take long.

Used by engine.py. Knows no table and no SQL but BEGIN.

aiosqlite runs every call in a thread of the connection, and one statement is four calls (cursor, execute,
fetch, close). On two busy cores the switches cost more than SQLite does: `python -m tests.benchmarks.pairs
sqlite` takes 13 ms a pair with them and 9 ms without (decision 0026).

- A writer waits for BEGIN IMMEDIATE (another process writes) and for COMMIT and ROLLBACK (the disk): these
  run in the thread. Between them the database is ours, and a statement of a few rows takes 20 us inline.
  One of many rows says so (`LONG`), and runs in the thread too.
- A reader waits for nobody, but its statements may take long (a count of a drop's claims): these run in the
  thread. The calls around them run inline.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any, Final

import aiosqlite
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.util import await_

# A statement with this comment reads or writes many rows: `insert(…).prefix_with(LONG)`.
LONG: Final = "/* long */"
# More parameters mean many rows in one statement (bulk.py), which takes long enough to be worth a thread.
_FEW_PARAMETERS: Final = 60
_LOCKED_PAUSE_SECONDS: Final = 0.02
Call = Callable[..., Any]


class _InlineConnection(aiosqlite.Connection):
    """Runs a call of the driver inline if `is_instant` allows it, else in the connection's thread."""

    def is_instant(self, connection: sqlite3.Connection, fn: Call, args: tuple[Any, ...]) -> bool:
        """Return whether the driver's `fn` neither waits nor takes long."""
        raise NotImplementedError

    async def _execute(self, fn: Call, *args: Any, **kwargs: Any) -> Any:
        """Override the method by which aiosqlite sends every call to the thread."""
        if self._running and self._connection and self.is_instant(self._connection, fn, args):
            return fn(*args, **kwargs)
        return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]


class _Writer(_InlineConnection):
    def is_instant(self, connection: sqlite3.Connection, fn: Call, args: tuple[Any, ...]) -> bool:
        match fn.__name__:
            case "execute":
                is_short = len(args[1]) <= _FEW_PARAMETERS and LONG not in args[0]
                return connection.in_transaction and is_short
            case "fetchall":
                return True
            case "rollback":
                return not connection.in_transaction  # the pool's rollback, without a transaction
        return _is_of_a_cursor(fn)


class _Reader(_InlineConnection):
    def is_instant(self, connection: sqlite3.Connection, fn: Call, args: tuple[Any, ...]) -> bool:
        match fn.__name__:
            case "execute":
                return bool(args[0] == "BEGIN")  # deferred: nothing is asked yet
            case "commit" | "rollback":
                return True  # nothing has been written
        return _is_of_a_cursor(fn)


def _is_of_a_cursor(fn: Call) -> bool:
    """Return whether `fn` opens or closes a cursor; closing a connection has the same name."""
    is_end = fn.__name__ == "close" and isinstance(getattr(fn, "__self__", None), sqlite3.Cursor)
    return fn.__name__ == "cursor" or is_end


def connect_writer(database: str | Path, **options: Any) -> aiosqlite.Connection:
    """Open a connection that writes; SQLAlchemy's `async_creator_fn` in place of `aiosqlite.connect`.

    `options` come from SQLAlchemy and allow any thread to use the connection.
    """
    return _connect(_Writer, database, options)


def connect_reader(database: str | Path, **options: Any) -> aiosqlite.Connection:
    """Open a connection that never writes, like `connect_writer`."""
    return _connect(_Reader, database, options)


def _connect(
    kind: type[_InlineConnection], database: str | Path, options: dict[str, Any]
) -> _InlineConnection:
    connection = kind(lambda: sqlite3.connect(database, **options), iter_chunk_size=64)
    connection._thread.daemon = True  # as SQLAlchemy does for aiosqlite's own connections
    return connection


def execute_when_free(cursor: DBAPICursor, statement: str, seconds: float) -> None:
    """Execute a statement; repeat it for up to `seconds` while another process changes the journal mode.

    SQLite does not wait for `busy_timeout` there: of several processes that make a new file at the same time
    all but one are told "database is locked" at once.
    """
    give_up_at = monotonic() + seconds
    while True:
        try:
            cursor.execute(statement)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or monotonic() > give_up_at:
                raise
            await_(asyncio.sleep(_LOCKED_PAUSE_SECONDS))
        else:
            return
