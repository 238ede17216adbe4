"""End a batch for good: no coupon of it is given any more, whichever way; those that were given stay valid.

Called by the API for operators. The end is a stop of the batch's claims that nobody can resume, so every flow
that heeds stops heeds it, and the desk refuses taps at once. Its open drops and links are closed by intents,
which a worker carries out: their units go back to the batch.
"""

from contextlib import suppress
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.event_types import Event, EventType
from server.core.promotions.batches import Batch
from server.core.promotions.stops import MAX_REASON, StopForm, Stoppable
from server.core.promotions.template_rules import text_violations
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.desk import DeskUnavailableError
from server.desk.drops.drop_desk import DropDesk
from server.flows.abort import Abort, returns_refusal
from server.flows.promotions.stops import publish_stops
from server.ids import new_id
from server.ledger import acts, event_log, intents
from server.ledger.engine import Ledger
from server.ledger.intents import Intent, IntentKind
from server.ledger.promotions import batches, stops

_DRAW: Final = "draw"


@returns_refusal
async def end_batch(  # noqa: PLR0913 - keywords, each named by the caller
    ledger: Ledger,
    desk: DropDesk,
    batch_id: str,
    *,
    reason: str,
    stops_use: bool,
    actor: str,
    now: int,
) -> Batch | Refused:
    """End it and return it as it is then. Repeatable: who ended it first stays. `stops_use`: its coupons
    cannot be used either, until an operator resumes their use.

    Refuses with `not_found`, `invalid_field`, and `wrong_state` where a draw of it is open (`draws`, their
    ids): its entrants would wait for ever.
    """
    if broken := [*text_violations("reason", reason, MAX_REASON)]:
        return refused(broken)
    async with ledger.begin() as conn:
        await batches.lock_open_drops(conn, batch_id)
        batch = await batches.find_for_update(conn, batch_id)
        if batch is None:
            raise Abort(Refused(Code.NOT_FOUND))
        if batch.ended_at is not None:
            return batch
        await _close_drops(conn, batch_id, now)
        await batches.end(conn, batch_id, actor, reason, now)
        form = StopForm(Stoppable.BATCH, batch_id, claims=True, use=stops_use, reason=reason)
        await stops.change(conn, form, True, actor, now)
        what: dict[str, object] = {"reason": reason, "use": stops_use}
        await acts.write_act(conn, actor, Action.BATCH_ENDED, batch_id, now, **what)
        told = {"name": batch.name, "reason": reason, "by": actor, "use_stopped": stops_use}
        await event_log.record(conn, [Event(EventType.BATCH_ENDED, now, batch_id, told)])
        ended = await batches.find(conn, batch_id)
    # A desk that is unavailable takes no claims; a worker tells it when it is back.
    with suppress(DeskUnavailableError):
        await publish_stops(ledger, desk)
    return ended or batch


async def _close_drops(conn: AsyncConnection, batch_id: str, now: int) -> None:
    opened = await batches.lock_open_drops(conn, batch_id)
    draws = [one.id for one in opened if one.mode == _DRAW]
    if draws:
        detail = "a draw of it is open: abort it, or wait for its winners"
        raise Abort(Refused(Code.WRONG_STATE, detail, {"draws": draws}))
    for one in opened:
        close = {"openings": one.openings}
        await intents.write(conn, Intent(new_id("int"), IntentKind.CLOSE, one.id, now, close))
