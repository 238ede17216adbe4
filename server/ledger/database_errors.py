"""Errors of the two databases in one form: which of them pass by themselves, and which an operator must end.

Used by engine.py around each transaction. Knows no connection and no table.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
from sqlalchemy import exc

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


class LedgerUnavailableError(Exception):
    """The database is away, locked or full, or took too long; the text says which.

    Nothing was committed, or it is not known whether it was: only repeat what is idempotent. `lasts` is True
    if the state lasts until an operator acts.
    """

    def __init__(self, words: str = "away", *, lasts: bool = False) -> None:
        super().__init__(words)
        self.lasts = lasts


@contextmanager
def translated() -> Iterator[None]:
    """Raise LedgerUnavailableError in place of an error that may pass; pass on errors of our own SQL."""
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
