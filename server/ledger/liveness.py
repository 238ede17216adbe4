"""Detects dead connections to PostgreSQL, for example those that a firewall or a NAT has dropped.

Used by engine.py alone. Neither side of such a connection is notified; without this module only the deadline
of a statement (10 s) would notice.
"""

import asyncio
import socket
from math import inf
from time import monotonic
from typing import Final

import asyncpg
from sqlalchemy import event, exc
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

_PING_SECONDS: Final = 1.0
_FRESH_SECONDS: Final = 0.5  # a connection that replied this lately is not checked
_KERNEL_OPTIONS: Final = {
    "TCP_KEEPIDLE": 1,
    "TCP_KEEPINTVL": 1,
    "TCP_KEEPCNT": 2,
    "TCP_USER_TIMEOUT": 3_000,
}


def watch(engine: AsyncEngine) -> None:
    """Check the connections of this engine from now on."""
    event.listen(engine.sync_engine, "connect", _set_keepalive)
    event.listen(engine.sync_engine, "checkout", _ping_if_idle)


def _set_keepalive(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Let the kernel detect a peer that dies during a statement, after 3 s. Unlike a deadline, it can tell a
    dead peer from a server that is busy.
    """
    transport = getattr(connection.driver_connection, "_transport", None)
    sock = transport.get_extra_info("socket") if transport is not None else None
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KERNEL_OPTIONS.items():
            number = getattr(socket, option, None)  # not every system has all
            if number is not None:
                sock.setsockopt(socket.IPPROTO_TCP, number, value)


def _ping_if_idle(connection: DBAPIConnection, entry: ConnectionPoolEntry, _: object) -> None:
    """Ping a connection that has been idle, before it is used; raise DisconnectionError if it is dead.

    SQLAlchemy's own ping waits as long as a statement may, and as long again to close the connection.
    """
    if monotonic() - entry.info.get("last_reply_at", -inf) < _FRESH_SECONDS:
        return
    try:
        connection.run_async(_ping)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise exc.DisconnectionError(f"no reply: {error!r}") from error
    entry.info["last_reply_at"] = monotonic()


async def _ping(connection: asyncpg.Connection) -> None:
    try:
        async with asyncio.timeout(_PING_SECONDS):
            # Nothing is prepared for it, which a pooler could not keep: transaction_pooling.py.
            await connection.execute("SELECT 1")
    except BaseException:
        connection.terminate()  # a polite close would wait for a reply
        raise
