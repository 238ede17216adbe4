"""Stop or resume claims or use of a batch, a campaign or everything, in every process at once.

Called by the API, and by the worker, which tells the desks what a process that died did not. The ledger is
the truth. Use is refused by the flows that quote or lock, in the transaction that reads the coupons. Claims
are refused by the desk: all shards are told right after the commit, and twice a second a worker tells each
shard that knows an older version. An order that is locked already can be confirmed whatever is stopped.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.promotions.batch_edits import ended_refusal
from server.core.promotions.batches import Batch
from server.core.promotions.stops import EVERYTHING, MAX_REASON, StopForm, Stoppable, StopState
from server.core.promotions.template_rules import text_violations
from server.core.refusals import Code, Refused, invalid_field
from server.core.violations import refused
from server.desk import DeskUnavailableError
from server.desk.drops.drop_desk import DropDesk
from server.flows.abort import Abort, abort_if, returns_refusal
from server.ledger import acts
from server.ledger.engine import Ledger
from server.ledger.promotions import batches, campaigns, stops

_ACTIONS: Final = {
    (Stoppable.BATCH, True): Action.BATCH_STOPPED,
    (Stoppable.BATCH, False): Action.BATCH_RESUMED,
    (Stoppable.CAMPAIGN, True): Action.CAMPAIGN_STOPPED,
    (Stoppable.CAMPAIGN, False): Action.CAMPAIGN_RESUMED,
    (Stoppable.EVERYTHING, True): Action.ALL_STOPPED,
    (Stoppable.EVERYTHING, False): Action.ALL_RESUMED,
}
_log = structlog.get_logger()


@returns_refusal
async def change_stop(
    ledger: Ledger, desk: DropDesk, form: StopForm, is_stop: bool, actor: str, now: int
) -> StopState | Refused:
    """Stop (or resume) what the form says; return the state of its target. Repeatable.

    Refuses with `invalid_field` where the form names neither claims nor use, with `not_found` for an unknown
    batch or campaign, and with `wrong_state` where claims of a batch that has ended are to go on. Success
    means that the ledger has it; the desks are told as soon as they are available.
    """
    if not form.claims and not form.use:
        return invalid_field("claims", "missing", "say what: claims, use or both")
    if form.reason and (broken := [*text_violations("reason", form.reason, MAX_REASON)]):
        return refused(broken)
    what = {"claims": form.claims, "use": form.use, "reason": form.reason}
    async with ledger.begin() as conn:
        if not await _target_exists(conn, form):
            raise Abort(Refused(Code.NOT_FOUND))
        if not is_stop and form.kind is Stoppable.BATCH and form.claims:
            await _assert_goes_on(conn, form.id)
        await stops.change(conn, form, is_stop, actor, now)
        state = await stops.find(conn, form.target)
        await acts.write_act(conn, actor, _ACTIONS[form.kind, is_stop], form.target, now, **what)
    # Without the reason, which may name a student: an erasure cleans the act, and cannot clean a log.
    _log.warning(
        "stopped" if is_stop else "resumed",
        target=form.target,
        claims=form.claims,
        use=form.use,
        by=actor,
    )
    # A desk that is unavailable takes no claims; a worker tells it when it is back.
    with suppress(DeskUnavailableError):
        await publish_stops(ledger, desk)
    return state


async def publish_stops(ledger: Ledger, desk: DropDesk) -> int:
    """Tell every shard that knows an older version what is stopped; return how many. Repeatable.

    DeskUnavailableError and LedgerUnavailableError are passed on.
    """
    async with ledger.read() as conn:
        version, targets = await stops.stopped_claims(conn)
    behind = [shard for shard, known in enumerate(await desk.stops_known()) if known != version]
    for shard in behind:
        await desk.publish_stops(shard, version, targets)
    return len(behind)


async def claims_refusal(conn: AsyncConnection, batch: Batch) -> Refused | None:
    """Return the refusal where claims of the batch, its campaign or everything are stopped, else None."""
    return claims_refusal_by(await stops.of_targets(conn, _targets(batch)), batch)


def claims_refusal_by(found: Mapping[str, StopState], batch: Batch) -> Refused | None:
    """Return the refusal where claims of the batch have ended, or are stopped by one of these stops."""
    if (ended := ended_refusal(batch)) is not None:
        return ended
    names = _targets(batch)
    stopped = next((found[name] for name in names if name in found and found[name].claims), None)
    if stopped is None:
        return None
    facts = {"stopped": stopped.target, "reason": stopped.reason}
    return Refused(Code.WRONG_STATE, "claims are stopped", facts)


def _targets(batch: Batch) -> list[str]:
    return [EVERYTHING, batch.id, *([batch.campaign_id] if batch.campaign_id else [])]


async def _assert_goes_on(conn: AsyncConnection, batch_id: str) -> None:
    """Lock the batch; Abort where it has ended for good."""
    batch = await batches.find_for_update(conn, batch_id)
    if batch is not None:
        abort_if(ended_refusal(batch))


async def _target_exists(conn: AsyncConnection, form: StopForm) -> bool:
    match form.kind:
        case Stoppable.CAMPAIGN:
            return await campaigns.find(conn, form.id) is not None
        case Stoppable.BATCH:
            return await batches.find(conn, form.id) is not None
        case Stoppable.EVERYTHING:
            return True
