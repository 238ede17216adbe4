"""Detects that another transaction has been committed, without reading any table.

Used by workers, whose jobs rest while nothing changes (worker/ledger_watch.py). Knows no table.

- SQLite counts the commits of other connections (`PRAGMA data_version`). The connection here does nothing
  else, so the commits of this process count as well. Takes 10 us and never waits.
- PostgreSQL has the snapshot of its transactions: which have ended, and which are under way. The end of each
  transaction that has written or locked something changes it. The position of its log would not do: a commit
  is in the log before others see it. Works behind pgbouncer in transaction mode, unlike LISTEN.
"""

import sqlite3
from pathlib import Path
from typing import Final

from server.ledger.database_errors import LedgerUnavailableError, translated
from server.ledger.engine import Ledger

_SNAPSHOT: Final = "SELECT pg_current_snapshot()::text"


class ChangeDetector:
    """Answers whether the ledger has changed. Close it at the end."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._sqlite: sqlite3.Connection | None = None

    async def version(self) -> str:
        """Return a text that differs from an earlier one if a transaction was committed in between. It may
        differ without one.

        Raises LedgerUnavailableError.
        """
        if self._ledger.engine.dialect.name == "sqlite":
            return self._data_version()
        with translated():
            async with self._ledger.engine.connect() as opened:
                conn = await opened.execution_options(isolation_level="AUTOCOMMIT")
                return str((await conn.exec_driver_sql(_SNAPSHOT)).scalar_one())

    def close(self) -> None:
        if self._sqlite is not None:
            self._sqlite.close()
            self._sqlite = None

    def _data_version(self) -> str:
        try:
            if self._sqlite is None:
                file = Path(self._ledger.engine.url.database or "").absolute().as_uri()
                # mode=rw: do not make a file that is not there. Timeout 0: do not wait in the event loop.
                self._sqlite = sqlite3.connect(
                    f"{file}?mode=rw", timeout=0, uri=True, isolation_level=None
                )
            (version,) = self._sqlite.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error as error:
            raise LedgerUnavailableError(str(error)) from error
        return str(version)
