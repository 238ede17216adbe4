"""Redis clients, one for each way of waiting, and the translation of their errors.

redis-py repeats every command 10 times by default: a script whose reply was lost twice ran three
times. Nothing here repeats by itself; the scripts are idempotent and the callers decide.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf
from time import monotonic
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    BusyLoadingError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)
from redis.exceptions import ConnectionError as RedisConnectionError

from server.desk import DeskUnavailableError

COMMAND_SECONDS = 2.0  # deadline of a command; a claim that waited longer is told to retry
_POOL_SIZE = 16
# What a server answers in place of what was asked, in words for who runs the service.
_SERVER_ERRORS: tuple[tuple[type[RedisError], str], ...] = (
    (OutOfMemoryError, "memory is full (maxmemory)"),
    (ReadOnlyError, "read-only: it is a replica"),
    (MasterDownError, "a replica without its master"),
    (BusyLoadingError, "still loading its data"),
)
_ERROR_CODES = {
    "MISCONF": "takes no writes: it cannot save to its disk",
    "NOREPLICAS": "takes no writes: too few replicas follow it",
    "BUSY": "busy with a script",
}


class StalenessTracker:
    """When somebody last gave up waiting for Redis. A connection that has not been heard since may be dead
    without a word (a firewall that forgot it), and is made anew before it is used: one wait, not one for
    each of a pool. Share it between the clients of a process."""

    __slots__ = ("last_timeout_at",)

    def __init__(self) -> None:
        self.last_timeout_at = -inf


class _StaleConnectionMixin:
    staleness: StalenessTracker
    last_reply_at = -inf

    async def connect(self) -> None:
        if self.is_connected and self.last_reply_at < self.staleness.last_timeout_at:  # type: ignore[attr-defined]
            await self.disconnect(nowait=True)  # type: ignore[attr-defined]
        await super().connect()  # type: ignore[misc]

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        try:
            answer = await super().read_response(*args, **kwargs)  # type: ignore[misc]
        except asyncio.CancelledError:  # our deadlines are of this kind
            self.staleness.last_timeout_at = monotonic()
            raise
        self.last_reply_at = monotonic()
        return answer


class _WriteFailureMixin:
    """A transport of uvloop that was cut raises RuntimeError when it is written to before anybody has
    read from it, and redis-py lets that pass. To us it is what it is: a connection lost. (It ended the
    whole process: nobody expects it of Redis.)"""

    async def send_packed_command(self, *args: Any, **kwargs: Any) -> None:
        try:
            await super().send_packed_command(*args, **kwargs)  # type: ignore[misc]
        except RuntimeError as error:
            raise RedisConnectionError(f"lost while it was written to: {error}") from error


def connect(url: str, staleness: StalenessTracker | None = None) -> Redis:
    """A pool that waits for a free connection rather than fails. `staleness`: shared by the clients of a
    process. Deadlines are ours (`redis_deadline`): redis-py's own `socket_timeout` goes through
    `asyncio.wait_for`, which on Python 3.11 costs a task for each command and swallows a cancellation that
    comes as the command ends."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_POOL_SIZE,
        timeout=None,
        socket_timeout=None,
        socket_connect_timeout=COMMAND_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    kinds = (_StaleConnectionMixin, _WriteFailureMixin, pool.connection_class)
    pool.connection_class = type(
        "Connection", kinds, {"staleness": staleness or StalenessTracker()}
    )
    return Redis.from_pool(pool)


def database_of(redis: Redis) -> int:
    """The number of the database that this client uses."""
    return int(redis.connection_pool.connection_kwargs.get("db") or 0)


@asynccontextmanager
async def redis_deadline(seconds: float = COMMAND_SECONDS) -> AsyncIterator[None]:
    """A deadline around what is asked of Redis; whatever goes wrong is a DeskUnavailableError."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (RedisError, OSError, TimeoutError) as error:
        raise DeskUnavailableError(_describe(error, seconds)) from error


def _describe(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer in {seconds:g} s"
    for kind, words in _SERVER_ERRORS:
        if isinstance(error, kind):
            return words
    text = str(error)
    return _ERROR_CODES.get(text.partition(" ")[0]) or f"{type(error).__name__}: {text}"
