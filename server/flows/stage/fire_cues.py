"""Fire the entries of running orders that are due.

Called by the worker four times a second; any number of workers may. An entry fires once, whatever dies: the
transaction that moves its drop from prepared to opening is the one that marks the entry as fired, and it
looks again at hold and entry, both locked. From there on the drop opens like every other. An entry whose
moment was over by more than two minutes when a worker could look is missed: its teacher decides.
"""

from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.drops.cues import CueState
from server.core.refusals import Code, Refused
from server.core.stage.running_order import Stage, Verdict, judge
from server.flows.abort import Abort
from server.flows.drops.drop_service import DropService
from server.flows.stores import Stores
from server.ledger import acts
from server.ledger.drops import cues, drops
from server.ledger.drops.cues import DropCue
from server.ledger.engine import Ledger
from server.ledger.stage import stages

ACTOR: Final = "running_order"
_AT_ONCE: Final = 500
_KEPT_MS: Final = 30 * 24 * 3600 * 1000
_log = structlog.get_logger()


async def fire_due(stores: Stores, now: int) -> int:
    """Fire what is due, and note what is missed; return how many drops were opened."""
    async with stores.ledger.read() as conn:
        waiting = await cues.due(conn, _AT_ONCE, now)
        known = await stages.find_all(conn, {one.room for one in waiting}) if waiting else {}
    fired = 0
    for one in waiting:
        verdict = judge(one.cue, one.changed_at, known.get(one.room, Stage(one.room)), now)
        if verdict is Verdict.MISS:
            await _finish(stores.ledger, one, CueState.MISSED, None, now)
        elif verdict is Verdict.FIRE:
            fired += await _fire(stores, one, now)
    return fired


async def remove_old(ledger: Ledger, now: int) -> None:
    """Delete the entries of closed drops, and stages, that nobody has changed for 30 days."""
    async with ledger.begin() as conn:
        await cues.remove_old(conn, now - _KEPT_MS, _AT_ONCE)
        await stages.remove_old(conn, now - _KEPT_MS)


async def _fire(stores: Stores, due: DropCue, now: int) -> bool:
    async with stores.ledger.read() as conn:
        row = await drops.find(conn, due.drop_id)
    if row is None:
        return False

    async def still_due(conn: AsyncConnection) -> None:
        """Abort where it was held, fired or written anew since."""
        stage = await stages.find_for_share(conn, due.room)
        current = (await cues.of_drops(conn, [due.drop_id])).get(due.drop_id)
        if current != due or judge(due.cue, due.changed_at, stage, now) is not Verdict.FIRE:
            raise Abort(Refused(Code.WRONG_STATE, "it is not due any more"))
        await acts.write_act(conn, ACTOR, Action.DROP_FIRED, due.drop_id, now, room=due.room)

    service = DropService(stores.ledger, stores.desk, stores.feed, row.created_by)
    answer = await service.open(due.drop_id, due.room, now, still_due)
    if not isinstance(answer, Refused):
        return True
    if answer.code is not Code.UNAVAILABLE and "not due" not in answer.detail:
        _log.warning("cue_refused", drop_id=due.drop_id, room=due.room, code=answer.code)
        await _finish(stores.ledger, due, CueState.REFUSED, answer.code.value, now)
    return False


async def _finish(
    ledger: Ledger, one: DropCue, state: CueState, reason: str | None, now: int
) -> None:
    async with ledger.begin() as conn:
        await cues.finish(conn, one.drop_id, state, reason, now)
