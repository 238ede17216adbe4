"""Pause batches that go out faster than their plan.

Called by a worker each second. A coupon counts when it is in the ledger, which is some milliseconds after the
tap, at most a second under load; so a batch pauses within two seconds of the coupon that was too many
(measured: median 1.0 s, longest 1.8 s, `python -m tests.benchmarks.pauses`). The pause is an ordinary stop of
its claims, by the actor `classdrop`: an operator sees it, and resumes it.
"""

from collections.abc import Callable
from contextlib import suppress

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.access.outflow import WINDOW_MS, Outflow
from server.core.acts import Action
from server.core.event_types import Event, EventType
from server.core.promotions.stops import StopForm, Stoppable
from server.desk import DeskUnavailableError
from server.flows.promotions.stops import publish_stops
from server.flows.stores import Stores
from server.ledger import acts, event_log
from server.ledger.access import outflow as rows
from server.ledger.promotions import batches, stops

_log = structlog.get_logger()


async def pause_fast_batches(
    stores: Stores, now: int, on_paused: Callable[[], None] = lambda: None
) -> list[str]:
    """Stop the claims of each batch that goes out too fast; return their ids. Repeatable.

    `on_paused()` is called for each, for a metric. LedgerUnavailableError is passed on.
    """
    async with stores.ledger.read() as conn:
        found = await rows.outflows(conn, now - WINDOW_MS)
    paused = []
    for one in found:
        if not one.is_too_fast:
            continue
        async with stores.ledger.begin() as conn:
            is_paused = await _pause(conn, one, stores.actor, now)
        if is_paused:
            paused.append(one.batch_id)
            on_paused()
            _log.warning(
                "batch_paused",
                batch=one.batch_id,
                went_out=one.went_out,
                max_per_minute=one.max_per_minute,
            )
    if paused:
        # A desk that is unavailable takes no claims; it is told when it is back.
        with suppress(DeskUnavailableError):
            await publish_stops(stores.ledger, stores.desk)
    return paused


async def _pause(conn: AsyncConnection, found: Outflow, actor: str, now: int) -> bool:
    """Write the stop; False where another worker, or an operator, has written one."""
    await batches.find_for_update(conn, found.batch_id)  # one worker at a time
    if (await stops.find(conn, found.batch_id)).claims:
        return False
    form = StopForm(Stoppable.BATCH, found.batch_id, claims=True, use=False, reason=found.reason)
    await stops.change(conn, form, True, actor, now)
    what = {"claims": True, "use": False, "reason": form.reason}
    await acts.write_act(conn, actor, Action.BATCH_STOPPED, found.batch_id, now, **what)
    data = {"max_per_minute": found.max_per_minute, "went_out": found.went_out}
    await event_log.record(conn, [Event(EventType.BATCH_PAUSED, now, found.batch_id, data)])
    return True
