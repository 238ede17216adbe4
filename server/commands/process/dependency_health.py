"""Check Redis and the ledger repeatedly, and report the results to `/readyz`, in words for operators.

Made by the composition root. The gateway watches the feed itself. Reading the ledger shows that it does not
respond, but only a write shows that it is full or read-only. Most writes are made by workers, so workers
publish such errors through Redis.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog
from asyncpg import PostgresError
from sqlalchemy.exc import SQLAlchemyError

from server.desk import DeskUnavailableError
from server.desk.consistency_status import ConsistencyStatus
from server.desk.metrics_store import MetricsStore
from server.desk.redis.connection import redis_deadline
from server.desk.redis.nodes import Nodes
from server.desk.redis.replicas import replicas_following
from server.desk.shards.fence import Fence
from server.ledger.database_errors import LedgerUnavailableError
from server.ledger.engine import Ledger
from server.observability.health import Health

CHECK_SECONDS = 1.0
_FIRST_CHECKS_SECONDS = 0.1  # before the first success: people wait for a service that starts
LEDGER_TIMEOUT_SECONDS = 2.0  # a frozen database does not close its connections for 10 s and more
_GOOD_FOR_S = 5.0
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DependencyHealth:
    """The dependencies of readiness, except the feed."""

    redis: Nodes
    fence: Fence
    metrics_store: MetricsStore
    ledger: Ledger
    health: Health
    replicas: int = 0  # how many must have a win before `won` is sent
    # The result of the last comparison of desk and ledger by a worker.
    consistency: ConsistencyStatus | None = None

    @asynccontextmanager
    async def monitored(self) -> AsyncIterator[None]:
        """Check as long as this context lasts, each dependency in its own task.

        A dependency that hangs does not delay the check of another.
        """
        checks = (self.check_redis, self.check_ledger)
        well = await asyncio.gather(*(check() for check in checks))
        async with asyncio.TaskGroup() as group:
            pairs = zip(checks, well, strict=True)
            tasks = [
                group.create_task(_check_until_well(check, is_well)) for check, is_well in pairs
            ]
            yield
            for task in tasks:
                task.cancel()

    async def check_redis(self) -> bool:
        """Check and report. Return whether all is well."""
        shut: Sequence[int] = ()
        why: Mapping[int, str] = {}
        is_there = False
        try:
            shut = await self.fence.shut_shards()
            why = await self.fence.troubles(shut)
            await self.fence.check_writable()
        except DeskUnavailableError as error:
            self._report("redis", str(error))
        else:
            is_there = True
            self._report("redis", "")
            self._report("fence", _closed_shards_text(shut, why))
        if self.replicas:
            await self._check_replicas()
        if self.consistency is not None:
            # Reported, but never unhealthy: clients gain nothing by going to another process.
            self.health.report(
                "books", True, await _consistency_text(self.consistency), _GOOD_FOR_S
            )
        return is_there and not shut

    async def _check_replicas(self) -> None:
        try:
            async with redis_deadline():
                found = await replicas_following(self.redis)
        except DeskUnavailableError as error:
            self._report("replicas", str(error))
        else:
            missing = found < self.replicas
            self._report(
                "replicas", f"{found} of {self.replicas} replicas follow" if missing else ""
            )

    async def check_ledger(self) -> bool:
        """Check and report. Return whether all is well."""
        look = asyncio.ensure_future(self._find_ledger_trouble())
        waited = 0.0
        try:
            while not (await asyncio.wait([look], timeout=LEDGER_TIMEOUT_SECONDS))[0]:
                waited += LEDGER_TIMEOUT_SECONDS
                self._report("ledger", f"no answer for {waited:.0f} s")
        finally:
            look.cancel()
        self._report("ledger", look.result())
        return not look.result()

    async def _find_ledger_trouble(self) -> str:
        try:
            async with self.ledger.read():
                pass
        except LedgerUnavailableError as error:
            return str(error)
        except (SQLAlchemyError, PostgresError) as error:
            _log.error("ledger_refuses", exc_info=error)
            return f"refuses us ({type(error).__name__})"
        with suppress(DeskUnavailableError):
            return self.ledger.trouble or await self.metrics_store.trouble()
        return ""

    def _report(self, part: str, trouble: str) -> None:
        self.health.report(part, not trouble, trouble, _GOOD_FOR_S)


def _closed_shards_text(shut: Sequence[int], why: Mapping[int, str]) -> str:
    """Return which shards accept no claims, and why they could not be rebuilt, where that is known."""
    if not shut:
        return ""
    words = [f"{shard} ({why[shard]})" if shard in why else str(shard) for shard in shut]
    return f"{len(shut)} shards shut: {', '.join(words)}"


async def _consistency_text(consistency: ConsistencyStatus) -> str:
    try:
        last = await consistency.last()
    except DeskUnavailableError:
        return "not known: no answer from Redis"
    if last is None:
        return "not compared lately: no worker, or claims that have been on their way since"
    verdict, age_s = last
    if not verdict.difference:
        return f"desk and ledger agreed about {verdict.drops} open drops, {age_s:.0f} s ago"
    return (
        f"desk and ledger disagreed about {verdict.difference} units of "
        f"{len(verdict.differing)} open drops, {age_s:.0f} s ago; `python -m server doctor` says more"
    )


@asynccontextmanager
async def publishing_ledger_trouble(
    ledger: Ledger, metrics_store: MetricsStore
) -> AsyncIterator[None]:
    """Publish the ledger's write errors of this process to all others, as long as this context lasts."""

    async def tell() -> None:
        with suppress(DeskUnavailableError):
            if trouble := ledger.trouble:
                await metrics_store.note_trouble(trouble)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(_repeat(tell))
        yield
        task.cancel()


async def _check_until_well(look: Callable[[], Awaitable[bool]], is_well: bool) -> None:
    while not is_well:
        await asyncio.sleep(_FIRST_CHECKS_SECONDS)
        is_well = await look()
    await _repeat(look)


async def _repeat(job: Callable[[], Awaitable[object]]) -> None:
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        await job()
