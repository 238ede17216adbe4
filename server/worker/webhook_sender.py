"""Send webhooks: a task for each receiver, so that a slow one holds up nobody.

Called by `jobs/event_jobs.py` ten times a second. It looks for new events and for webhooks that no worker
sends to, takes their leases and begins a task for each; the rules are in flows/events/deliver_webhook.py.
A worker that dies leaves its leases behind: another one takes them over when they end.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import now_ms
from server.flows.events.deliver_webhook import LEASE_MS, Sending, Step, deliver_some
from server.flows.events.receiver_client import ReceiverClient
from server.ledger import event_positions
from server.ledger.database_errors import LedgerUnavailableError
from server.ledger.engine import Ledger
from server.ledger.events import webhooks

_LOOK_SECONDS: Final = 1.0  # between two looks for webhooks that nobody sends to
_IDLE_SECONDS: Final = (
    2.0  # then a task looks for itself: at a resumed webhook, a replay, its next try
)
_RENEW_SECONDS: Final = 20.0
_RETRY_SECONDS: Final = 1.0
_log = structlog.get_logger()


class WebhookSender:
    """The tasks of one worker. `make_client()` makes the client of one receiver."""

    def __init__(
        self, ledger: Ledger, owner: str, make_client: Callable[[], ReceiverClient]
    ) -> None:
        self._ledger = ledger
        self._owner = owner
        self._make_client = make_client
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._last = 0
        self._looked_at = 0.0
        self._numbered = asyncio.Event()
        self._is_closed = False

    async def look(self) -> bool:
        """Wake the tasks where there are new events, and begin tasks for webhooks that have none; return
        whether there was something new."""
        if self._is_closed:
            return False
        async with self._ledger.read() as conn:
            last = await event_positions.last_number(conn)
            is_time = monotonic() - self._looked_at >= _LOOK_SECONDS
            has_free = is_time and await webhooks.has_free(conn, now_ms())
        if is_time:
            self._looked_at = monotonic()
        has_new = last != self._last
        if has_new:
            self._last = last
            numbered, self._numbered = self._numbered, asyncio.Event()
            numbered.set()
        if has_free:
            await self._take_leases()
        return has_new

    async def has_free(self, conn: AsyncConnection, by: int) -> bool:
        """Return whether a webhook has nobody who sends to it, or may have at `by` (ms UTC) because the
        lease of another worker ends."""
        return await webhooks.has_free(conn, by, besides=self._tasks)

    async def _take_leases(self) -> None:
        now = now_ms()
        async with self._ledger.begin() as conn:
            taken = await webhooks.take_leases(conn, self._owner, now, now + LEASE_MS)
        for webhook_id in taken:
            if webhook_id not in self._tasks:
                task = asyncio.create_task(self._follow(webhook_id))
                self._tasks[webhook_id] = task
                task.add_done_callback(partial(self._forget, webhook_id))

    def _forget(self, webhook_id: str, _: asyncio.Task[None]) -> None:
        self._tasks.pop(webhook_id, None)

    async def close(self) -> None:
        """End all tasks, and leave their webhooks to others at once."""
        self._is_closed = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, webhook_id: str) -> None:
        client = self._make_client()
        sending = Sending(self._ledger, client, webhook_id, self._owner)
        try:
            while await self._step(sending):
                pass
        finally:
            with suppress(LedgerUnavailableError):
                await self._release(webhook_id)
            await client.aclose()

    async def _step(self, sending: Sending) -> bool:
        """Do one round and the wait after it; False where the task is over."""
        numbered = self._numbered
        try:
            step = await deliver_some(sending)
            if step in (Step.IDLE, Step.WAIT):
                await self._wait(numbered if step is Step.IDLE else asyncio.Event())
                return await self._renew(sending.webhook_id)
        except LedgerUnavailableError:
            await asyncio.sleep(_RETRY_SECONDS)
        except Exception:
            # Whatever it is must end neither this receiver's task nor the worker.
            _log.exception("webhook_step_failed", webhook_id=sending.webhook_id)
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return step is Step.MORE
        return True

    async def _wait(self, numbered: asyncio.Event) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_IDLE_SECONDS):
                await numbered.wait()

    async def _renew(self, webhook_id: str) -> bool:
        """Keep the lease; False where it is another worker's by now."""
        now = now_ms()
        async with self._ledger.read() as conn:
            until = await webhooks.lease_of(conn, webhook_id, self._owner)
        if until is None:
            return False
        if until - now > LEASE_MS - _RENEW_SECONDS * 1000:
            return True
        async with self._ledger.begin() as conn:
            columns = {"lease_until": now + LEASE_MS}
            return await webhooks.write_as_owner(conn, webhook_id, self._owner, columns)

    async def _release(self, webhook_id: str) -> None:
        async with self._ledger.begin() as conn:
            columns = {"lease_owner": None, "lease_until": 0}
            await webhooks.write_as_owner(conn, webhook_id, self._owner, columns)
