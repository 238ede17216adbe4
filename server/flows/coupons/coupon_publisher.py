"""Tells of the coupons that this process has moved, right after their commit; no request waits for it.

Made by the composition roots, for a web process and for a worker: the ledger hands it what was committed.
What is moved within a tenth of a second is told together. That it was told is noted in the ledger twice a
second, because each note is a transaction that checkouts wait for. A death in between loses nothing: a worker
finds what is not noted (tell_coupons.publish_left_behind) and tells it again.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import structlog

from server.desk import DeskUnavailableError
from server.flows.coupons.publish_coupons import (
    AT_ONCE,
    PublishedVersion,
    mark_published,
    publish_coupons,
)
from server.flows.stores import Stores
from server.ledger.engine import LedgerUnavailableError

TOGETHER_SECONDS: Final = 0.1
NOTE_SECONDS: Final = 0.5
MAX_WAITING: Final = 10_000  # what is beyond it is told by a worker
_log = structlog.get_logger()


class CouponPublisher:
    """Its faults are logged and end nothing: what it does not tell, or not note, is left to a worker."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._waiting: dict[str, None] = {}  # coupon ids, each once, in the order of their moves
        self._told: list[PublishedVersion] = []
        self._is_asked = asyncio.Event()

    def moved(self, ids: Sequence[str]) -> None:
        """`Ledger.on_commit`."""
        if len(self._waiting) < MAX_WAITING:
            self._waiting.update(dict.fromkeys(ids))
            self._is_asked.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """As long as this context lasts what is moved is told."""
        ledger = self._stores.ledger
        before, ledger.on_commit = ledger.on_commit, self.moved
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._keep_telling()),
                group.create_task(self._keep_noting()),
            ]
            yield
            ledger.on_commit = before
            for task in tasks:
                task.cancel()

    async def _keep_telling(self) -> None:
        while True:
            await self._is_asked.wait()
            await asyncio.sleep(TOGETHER_SECONDS)
            self._is_asked.clear()
            while self._waiting:
                await self._tell_some()

    async def _tell_some(self) -> None:
        ids = list(self._waiting)[:AT_ONCE]
        for one in ids:
            del self._waiting[one]
        try:
            told = await publish_coupons(self._stores, ids)
            self._told.extend(told)  # behind the await: the list may be another by now
        except (DeskUnavailableError, LedgerUnavailableError) as error:
            _log.warning("coupons_not_told", coupons=len(ids), error=str(error))
        except Exception:
            _log.exception("coupons_not_told", coupons=len(ids))  # a worker tries it once more

    async def _keep_noting(self) -> None:
        while True:
            await asyncio.sleep(NOTE_SECONDS)
            told, self._told = self._told, []
            try:
                await mark_published(self._stores, told)
            except LedgerUnavailableError as error:
                _log.warning("coupons_not_noted", coupons=len(told), error=str(error))
            except Exception:
                _log.exception("coupons_not_noted", coupons=len(told))  # a worker tells them again
