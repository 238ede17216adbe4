"""Makes Redis clients, sets the deadline of their calls, and translates their errors.

redis-py repeats every command 10 times by default: a script whose reply was lost twice ran three times.
Nothing here repeats by itself; the scripts are idempotent, and the callers decide.
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

from server.configuration import redis_urls
from server.desk import DeskUnavailableError
from server.desk.redis.cluster import Cluster
from server.desk.redis.nodes import Nodes
from server.desk.redis.sentinels import PrimaryMixin, Sentinels

COMMAND_SECONDS = 2.0  # deadline of a command; a claim that waits longer is answered `retry`
_POOL_SIZE = 16
# Errors that a server replies with, in words for the operator.
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
    """The time of the last call to Redis that ran into its deadline; shared by the clients of a process.

    A connection without a reply since then may be dead, for example because a firewall has dropped it. It is
    replaced before its next use. So one call of a process waits for its deadline, and not one for each
    connection of each pool (decision 0019).
    """

    __slots__ = ("_of_nodes", "last_timeout_at")

    def __init__(self) -> None:
        self.last_timeout_at = -inf
        self._of_nodes: dict[str, StalenessTracker] = {}

    def of(self, node: str) -> "StalenessTracker":
        """Return the tracker of one node of a cluster: the others answer while it does not."""
        return self._of_nodes.setdefault(node, StalenessTracker())


class _StaleConnectionMixin:
    """Reconnects before use, if the connection has had no reply since the last missed deadline."""

    staleness: StalenessTracker
    last_reply_at = -inf

    async def connect(self) -> None:
        if self.is_connected and self.last_reply_at < self.staleness.last_timeout_at:  # type: ignore[attr-defined]
            await self.disconnect(nowait=True)  # type: ignore[attr-defined]
        await super().connect()  # type: ignore[misc]

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        try:
            reply = await super().read_response(*args, **kwargs)  # type: ignore[misc]
        except asyncio.CancelledError:  # a deadline of `redis_deadline` cancels the read
            self.staleness.last_timeout_at = monotonic()
            raise
        self.last_reply_at = monotonic()
        return reply


class _WriteFailureMixin:
    """Turns uvloop's RuntimeError for a write to a lost connection into redis-py's ConnectionError.

    uvloop raises it if a transport is written to after a loss that no read has seen. redis-py does not catch
    it, and it once ended a whole process.
    """

    async def send_packed_command(self, *args: Any, **kwargs: Any) -> None:
        try:
            await super().send_packed_command(*args, **kwargs)  # type: ignore[misc]
        except RuntimeError as error:
            raise RedisConnectionError(f"lost while it was written to: {error}") from error


def connect(url: str, staleness: StalenessTracker | None = None) -> Nodes:
    """Return a client of one server, or of a cluster. `staleness` is shared by the clients of a process."""
    staleness = staleness or StalenessTracker()
    cluster = redis_urls.cluster_address(url)
    if cluster is not None:
        return Cluster(cluster, lambda node, mixins: _pool(node, staleness.of(node), mixins))
    sentinel = redis_urls.sentinel_address(url)
    if sentinel is not None:
        mixin = type("Primary", (PrimaryMixin,), {"sentinels": Sentinels(sentinel)})
        return Nodes.owning(_pool(sentinel.server_url, staleness, (mixin,)))
    return Nodes.owning(_pool(url, staleness))


def _pool(
    url: str, staleness: StalenessTracker, mixins: tuple[type, ...] = ()
) -> BlockingConnectionPool:
    """Return a pool that waits for a free connection rather than fails. Deadlines are ours
    (`redis_deadline`): redis-py's own `socket_timeout` goes through `asyncio.wait_for`, which on Python 3.11
    costs a task for each command and swallows a cancellation that comes as the command ends."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_POOL_SIZE,
        timeout=None,
        socket_timeout=None,
        socket_connect_timeout=COMMAND_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    kinds = (_StaleConnectionMixin, *mixins, _WriteFailureMixin, pool.connection_class)
    pool.connection_class = type("Connection", kinds, {"staleness": staleness})
    return pool


def database_of(redis: Redis) -> int:
    """Return the number of the database that this client uses."""
    return int(redis.connection_pool.connection_kwargs.get("db") or 0)


@asynccontextmanager
async def redis_deadline(seconds: float = COMMAND_SECONDS) -> AsyncIterator[None]:
    """Limit the calls in the block to `seconds` in all; turn every failure into DeskUnavailableError."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (RedisError, OSError, TimeoutError) as error:
        raise DeskUnavailableError(_describe(error, seconds)) from error


def _describe(error: Exception, seconds: float) -> str:
    """Return the error in words for the operator; `/readyz` and doctor show them."""
    if isinstance(error, TimeoutError):
        return f"no answer in {seconds:g} s"
    for kind, words in _SERVER_ERRORS:
        if isinstance(error, kind):
            return words
    text = str(error)
    return _ERROR_CODES.get(text.partition(" ")[0]) or f"{type(error).__name__}: {text}"
