"""Publish the coupons that this process has changed, right after their commit, in the background.

Made by the composition roots, one for each web process and worker. The ledger calls `moved` with the ids of
the coupons that a transaction has changed; no request waits for the publication. Changes of a tenth of a
second are published together. That they were published is marked in the ledger only twice a second, because
each mark is a transaction that checkouts have to wait for. If this process dies in between, a worker finds
what is not marked (publish_coupons.publish_left_behind) and publishes it again.
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
from server.ledger.database_errors import LedgerUnavailableError

TOGETHER_SECONDS: Final = 0.1
MARK_SECONDS: Final = 0.5
MAX_WAITING: Final = 10_000  # coupons; a worker publishes what exceeds it
_log = structlog.get_logger()


class CouponPublisher:
    """A publisher with two background tasks. An error is logged and ends neither: a worker publishes later
    what was not published, or not marked.
    """

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        # A dict used as an ordered set of coupon ids: in the order of their changes, each once.
        self._waiting: dict[str, None] = {}
        self._published: list[PublishedVersion] = []
        self._has_waiting = asyncio.Event()

    def moved(self, ids: Sequence[str]) -> None:
        """Take over these coupons for publication. Assigned to `Ledger.on_commit`; never blocks."""
        if len(self._waiting) < MAX_WAITING:
            self._waiting.update(dict.fromkeys(ids))
            self._has_waiting.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Publish while the context lasts. What waits at its end is left to a worker."""
        ledger = self._stores.ledger
        before, ledger.on_commit = ledger.on_commit, self.moved
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._keep_publishing()),
                group.create_task(self._keep_marking()),
            ]
            yield
            ledger.on_commit = before
            for task in tasks:
                task.cancel()

    async def _keep_publishing(self) -> None:
        while True:
            await self._has_waiting.wait()
            await asyncio.sleep(TOGETHER_SECONDS)
            self._has_waiting.clear()
            while self._waiting:
                await self._publish_some()

    async def _publish_some(self) -> None:
        ids = list(self._waiting)[:AT_ONCE]
        for one in ids:
            del self._waiting[one]
        try:
            published = await publish_coupons(self._stores, ids)
            # Read the attribute only after the await: `_keep_marking` may have replaced the list meanwhile.
            self._published.extend(published)
        except (DeskUnavailableError, LedgerUnavailableError) as error:
            _log.warning("coupons_not_published", coupons=len(ids), error=str(error))
        except Exception:
            # Whatever it is must not end the task. A worker publishes these coupons later.
            _log.exception("coupons_not_published", coupons=len(ids))

    async def _keep_marking(self) -> None:
        while True:
            await asyncio.sleep(MARK_SECONDS)
            published, self._published = self._published, []
            try:
                await mark_published(self._stores, published)
            except LedgerUnavailableError as error:
                _log.warning("coupons_not_marked", coupons=len(published), error=str(error))
            except Exception:
                # A worker publishes them once more.
                _log.exception("coupons_not_marked", coupons=len(published))
