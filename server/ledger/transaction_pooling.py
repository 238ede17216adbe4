"""Lets the ledger work through pgbouncer in transaction mode, where each transaction may get another server
connection.

Used by engine.py alone. Such a pooler refuses settings at the start of a connection, and a prepared statement
with a name belongs to a server connection that the next transaction does not get. So whoever meets that
refusal sets the limits in each transaction (one round trip more), and prepares without a name.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

_REFUSAL: Final = "unsupported startup parameter"


def watch(engine: AsyncEngine, settings: Mapping[str, str]) -> None:
    """Give every connection of the engine these settings, with or without a pooler in between."""
    pooled = _Pooled(settings)
    event.listen(engine.sync_engine, "do_connect", pooled.connect)
    event.listen(engine.sync_engine, "begin", pooled.set_limits)


class _Pooled:
    """The settings of one engine, and whether a pooler stands before its server."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings
        self._values = tuple(one for pair in settings.items() for one in pair)
        each = (f"set_config(${n}, ${n + 1}, true)" for n in range(1, len(self._values), 2))
        self._set = f"SELECT {', '.join(each)}"
        self._is_pooled = False

    def connect(
        self,
        dialect: Dialect,
        _entry: ConnectionPoolEntry,
        arguments: tuple[Any, ...],
        options: dict[str, Any],
    ) -> object:
        """Connect, and notice a pooler. The first connection through it takes two attempts."""
        if not self._is_pooled:
            try:
                return dialect.connect(*arguments, server_settings=self._settings, **options)
            except dialect.loaded_dbapi.Error as error:
                if _REFUSAL not in str(error):
                    raise
                self._is_pooled = True
        unnamed = {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
        return dialect.connect(
            *arguments, prepared_statement_name_func=lambda: "", **unnamed, **options
        )

    def set_limits(self, connection: Connection) -> None:
        """Let the settings hold until this transaction ends."""
        if self._is_pooled:
            connection.exec_driver_sql(self._set, self._values)
