"""Whether Redis and the ledger are well, for `/readyz`, in words for who runs the service.

Made by the composition root. The feed is watched by the gateway itself. A look at the ledger finds that it
is away; that it is full or read-only only a write finds, and most are made by workers: these tell it
through Redis.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog
from asyncpg import PostgresError
from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError

from server.desk import DeskUnavailableError
from server.desk.consistency_status import ConsistencyStatus
from server.desk.fence import Fence
from server.desk.metrics_store import MetricsStore
from server.desk.redis.connection import redis_deadline
from server.desk.redis.replicas import replicas_following
from server.health import Health
from server.ledger.engine import Ledger, LedgerUnavailableError

LOOK_SECONDS = 1.0
_FIRST_LOOKS_SECONDS = 0.1  # until all was well once: people wait for a service that starts
PATIENCE_SECONDS = 2.0  # for the ledger: a frozen one lets go of nobody for 10 s and more
_GOOD_FOR_S = 5.0
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What readiness depends on besides the feed."""

    redis: Redis
    fence: Fence
    board: MetricsStore
    ledger: Ledger
    health: Health
    replicas: int = 0  # that wins wait for
    books: ConsistencyStatus | None = (
        None  # what a worker found when it last compared desk and ledger
    )

    @asynccontextmanager
    async def looked_after(self) -> AsyncIterator[None]:
        """As long as this context lasts. Each neighbour by itself: one that is stuck hides no other."""
        looks = (self.look_at_redis, self.look_at_ledger)
        well = await asyncio.gather(*(look() for look in looks))
        async with asyncio.TaskGroup() as group:
            pairs = zip(looks, well, strict=True)
            tasks = [group.create_task(_keep_looking(look, is_well)) for look, is_well in pairs]
            yield
            for task in tasks:
                task.cancel()

    async def look_at_redis(self) -> bool:
        """Is all well there?"""
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
            self._report("fence", _words_of(shut, why))
        if self.replicas:
            await self._look_at_replicas()
        if self.books is not None:
            # Said, and no reason to send people elsewhere: no process is better off than another.
            self.health.report("books", True, await _verdict_of(self.books), _GOOD_FOR_S)
        return is_there and not shut

    async def _look_at_replicas(self) -> None:
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

    async def look_at_ledger(self) -> bool:
        """Is all well there?"""
        look = asyncio.ensure_future(self._ledger_trouble())
        waited = 0.0
        try:
            while not (await asyncio.wait([look], timeout=PATIENCE_SECONDS))[0]:
                waited += PATIENCE_SECONDS
                self._report("ledger", f"no answer for {waited:.0f} s")
        finally:
            look.cancel()
        self._report("ledger", look.result())
        return not look.result()

    async def _ledger_trouble(self) -> str:
        try:
            async with self.ledger.read():
                pass
        except LedgerUnavailableError as error:
            return str(error)
        except (SQLAlchemyError, PostgresError) as error:
            _log.error("ledger_refuses", exc_info=error)
            return f"refuses us ({type(error).__name__})"
        with suppress(DeskUnavailableError):
            return self.ledger.trouble or await self.board.trouble()
        return ""

    def _report(self, part: str, trouble: str) -> None:
        self.health.report(part, not trouble, trouble, _GOOD_FOR_S)


def _words_of(shut: Sequence[int], why: Mapping[int, str]) -> str:
    """Which shards take no claims, and why they could not be rebuilt where that is known."""
    if not shut:
        return ""
    words = [f"{shard} ({why[shard]})" if shard in why else str(shard) for shard in shut]
    return f"{len(shut)} shards shut: {', '.join(words)}"


async def _verdict_of(books: ConsistencyStatus) -> str:
    try:
        last = await books.last()
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
async def trouble_told(ledger: Ledger, board: MetricsStore) -> AsyncIterator[None]:
    """As long as this context lasts the others hear what writing to the ledger runs into here."""

    async def tell() -> None:
        with suppress(DeskUnavailableError):
            if trouble := ledger.trouble:
                await board.note_trouble(trouble)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(_again_and_again(tell))
        yield
        task.cancel()


async def _keep_looking(look: Callable[[], Awaitable[bool]], is_well: bool) -> None:
    while not is_well:
        await asyncio.sleep(_FIRST_LOOKS_SECONDS)
        is_well = await look()
    await _again_and_again(look)


async def _again_and_again(job: Callable[[], Awaitable[object]]) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        await job()
