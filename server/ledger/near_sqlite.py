"""A SQLite connection that goes to its thread only for what may wait.

Used by engine.py for the connection that writes. Knows no table and no SQL but what the driver's functions
are called.

aiosqlite does everything in a thread of the connection's own, and a statement is four ways there and back
(cursor, execute, fetch, close). On two busy cores those ways cost more than SQLite does: `python -m
tests.figures.pairs sqlite` takes 13 ms a pair with them and 9 without (decision 0026). What may wait is BEGIN
IMMEDIATE, for the writer of another process, and COMMIT and ROLLBACK, for the disk. In between the database
is ours, and a statement of a few rows takes 20 us where it is.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import aiosqlite

# More than these are many rows in one statement (many_rows.py), which is long enough to be worth the way.
_FEW_PARAMETERS: Final = 60


class NearConnection(aiosqlite.Connection):
    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Overrides the way that all of the driver's calls take to its thread."""
        if self._running and self._connection and _waits_for_nothing(self._connection, fn, args):
            return fn(*args, **kwargs)
        return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]


def connect_near(database: str | Path, **options: Any) -> NearConnection:
    """Stands in for `aiosqlite.connect`, as SQLAlchemy's `async_creator_fn`; `options` are SQLAlchemy's, by
    which any thread may use the connection."""
    near = NearConnection(lambda: sqlite3.connect(database, **options), iter_chunk_size=64)
    near._thread.daemon = True  # as SQLAlchemy does with the driver's own
    return near


def _waits_for_nothing(
    connection: sqlite3.Connection, fn: Callable[..., Any], args: tuple[Any, ...]
) -> bool:
    match fn.__name__:
        case "cursor":
            return True
        case "execute":
            return connection.in_transaction and len(args[1]) <= _FEW_PARAMETERS
        case "fetchall" | "close":
            return isinstance(getattr(fn, "__self__", None), sqlite3.Cursor)
        case "rollback":
            return not connection.in_transaction  # the pool's, for whoever forgot to end one
    return False
