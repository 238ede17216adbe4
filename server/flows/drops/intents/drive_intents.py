"""Carry out on desk and feed what the ledger has decided, and mark the intent as done.

Called by the flows right after they have committed an intent, and by workers for intents that a dead process
left behind. Two processes may drive one intent at the same time, and each step may be repeated: the desk
recognises a repetition by the id of drop, allotment, claim or intent, and the feed by the publication id.
Only the transaction that marks the intent as done counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, assert_never

from server.core.coupons.coupons import HOLD_ENDED, CouponState
from server.core.drops.drops import OPENING_DEADLINE_MS, CloseReason, DropState
from server.core.refusals import Code, Refused
from server.desk import DeskReplacedError, DeskUnavailableError
from server.desk.feed.feed_messages import Confirmation, FeedKind, Loss
from server.flows.coupons.load_caps import caps_of
from server.flows.coupons.publish_coupons import confirmed_claim, read_statuses
from server.flows.drops.intents.end_drop import end_drop
from server.flows.drops.intents.finish_change import finish_change, move_limit, move_window
from server.flows.drops.intents.intent_payloads import (
    ClosePayload,
    ExtendPayload,
    MoveHoldPayload,
    MoveLimitPayload,
    MoveWindowPayload,
    OpenPayload,
    ReleasedClaim,
    ReleasePayload,
    ReopenPayload,
    TopUpPayload,
    payload_of,
)
from server.flows.drops.intents.put_on_desk import carry_out_opening, carry_out_reopening
from server.flows.drops.views.drop_snapshot import DropSnapshot, read_drop_snapshot
from server.flows.stores import Stores, assert_desk_epoch
from server.ledger import intents
from server.ledger.drops import drops
from server.ledger.drops.drop_row import DropRow
from server.ledger.intents import Intent, IntentKind

_AT_ONCE: Final = 100
_OPENINGS: Final = (IntentKind.OPEN, IntentKind.REOPEN)
_WITH_HOLD: Final = (CouponState.USABLE, CouponState.LOCKED)


@dataclass(frozen=True, slots=True)
class DriveResult:
    """The numbers of intents that were done, and that wait: Redis is unavailable or its fence is shut."""

    done: int
    waiting: int


async def drive(
    stores: Stores, intent: Intent, now: int, snapshot: DropSnapshot | None = None
) -> Refused | DropRow | None:
    """Carry out one intent; return the drop where it was opened here. Repeatable.

    `snapshot` is the drop as the intent's own transaction left it; without it the drop is read. Returns
    Refused where the desk refuses the change: what the ledger had set aside for it has been given back.
    DeskUnavailableError, LedgerUnavailableError: the intent stays pending.
    """
    snapshot = snapshot or await read_drop_snapshot(stores.ledger, intent.drop_id)
    try:
        return await _carry_out(stores, snapshot, intent, now)
    except DeskReplacedError:
        # The change was made on a desk that has been rebuilt since, and was not written down. Repeat it
        # once on the new desk, with the drop as it is now.
        snapshot = await read_drop_snapshot(stores.ledger, intent.drop_id)
        return await _carry_out(stores, snapshot, intent, now)


async def drive_pending(stores: Stores, older_than_ms: int, now: int) -> DriveResult:
    """Drive intents that are older than `older_than_ms` and not done. An opening that is older than
    OPENING_DEADLINE_MS is cancelled instead. Any number of workers may call it at the same time.
    LedgerUnavailableError is passed on.
    """
    async with stores.ledger.read() as conn:
        left_behind = await intents.pending(conn, now - older_than_ms, _AT_ONCE)
    results = [await _try_pending(stores, intent, now) for intent in left_behind]
    return DriveResult(sum(results), len(results) - sum(results))


async def close_overdue(stores: Stores, now: int) -> DriveResult:
    """Close the drops whose time is over. The desk's window decides: an extended drop stays open."""
    async with stores.ledger.read() as conn:
        overdue = await drops.overdue(conn, now, _AT_ONCE)
    results = [await _close_if_over(stores, row.id, now) for row in overdue]
    return DriveResult(sum(results), len(results) - sum(results))


async def close_sold_out(stores: Stores, now: int) -> int:
    """Close drops without an end whose units are all gone and cannot come back; return how many."""
    async with stores.ledger.read() as conn:
        rows = await drops.open_without_end(conn, _AT_ONCE)
    counts = await stores.desk.counts_of_many([(row.shard, row.id) for row in rows]) if rows else []
    ended = 0
    for row, count in zip(rows, counts, strict=True):
        if count is None or count.remaining > 0:
            continue
        snapshot = await read_drop_snapshot(stores.ledger, row.id)
        if snapshot.batch.hold_seconds is None:
            ended += await end_drop(stores, snapshot, CloseReason.SOLD_OUT, now)
    return ended


async def _try_pending(stores: Stores, intent: Intent, now: int) -> bool:
    async with stores.ledger.begin() as conn:
        # Counted before the attempt: an intent that crashes its worker moves to the end of the queue.
        await intents.count_attempt(conn, intent.id)
    try:
        if intent.kind in _OPENINGS and now - intent.created_at >= OPENING_DEADLINE_MS:
            await _cancel_opening(stores, intent, now)
        else:
            await drive(stores, intent, now)
    except DeskUnavailableError as error:
        async with stores.ledger.begin() as conn:
            await intents.note_error(conn, intent.id, str(error))
        return False
    return True


async def _close_if_over(stores: Stores, drop_id: str, now: int) -> bool:
    snapshot = await read_drop_snapshot(stores.ledger, drop_id)
    try:
        return await end_drop(stores, snapshot, None, now)
    except DeskUnavailableError:
        return False


async def _cancel_opening(stores: Stores, intent: Intent, now: int) -> None:
    """Cancel an opening that comes too late: the teacher's request was answered with `unavailable`."""
    snapshot = await read_drop_snapshot(stores.ledger, intent.drop_id)
    if snapshot.row.state is DropState.OPENING:
        await end_drop(stores, snapshot, CloseReason.CANCELLED, now, intent.id)
    else:
        await _finish(stores, intent, now)


async def _carry_out(  # noqa: C901 - a case for each kind
    stores: Stores, snapshot: DropSnapshot, intent: Intent, now: int
) -> Refused | DropRow | None:
    payload = payload_of(intent)
    if isinstance(payload, OpenPayload):
        return await carry_out_opening(stores, snapshot, intent, payload.opens_at, now)
    match payload:
        case ReopenPayload():
            return await carry_out_reopening(stores, snapshot, intent, payload.openings, now)
        case TopUpPayload():
            return await _top_up(stores, snapshot, intent, payload, now)
        case ExtendPayload():
            return await _extend(stores, snapshot, intent, payload, now)
        case ClosePayload():
            await _close(stores, snapshot, intent, payload, now)
            return None
        case ReleasePayload():
            await _release(stores, snapshot, payload.claims)
        case MoveHoldPayload():
            await _move_hold(stores, snapshot, payload.coupon_ids)
        case MoveWindowPayload():
            await move_window(stores, intent, now)
            return None
        case MoveLimitPayload():
            await move_limit(stores, intent, now)
            return None
        case _:
            assert_never(payload)
    await _finish(stores, intent, now)
    return None


async def _close(
    stores: Stores, snapshot: DropSnapshot, intent: Intent, payload: ClosePayload, now: int
) -> None:
    """Close the opening that the teacher closed; the drop may have been opened again since."""
    is_that_one = snapshot.row.openings == payload.openings
    if not is_that_one or not await end_drop(stores, snapshot, CloseReason.STOPPED, now, intent.id):
        await _finish(stores, intent, now)


async def _top_up(
    stores: Stores, snapshot: DropSnapshot, intent: Intent, payload: TopUpPayload, now: int
) -> Refused | None:
    row, allotments = snapshot.row, snapshot.allotments
    mine = next(a for a in allotments if a.id == payload.allotment_id)
    is_taken = False
    # Send the earlier top-ups as well, in the order of their units. Their process may have died before it
    # told the desk, and the desk needs the units without gaps.
    for allotment in allotments[1 : allotments.index(mine) + 1]:
        is_taken = await stores.desk.add_units(row.shard, row.id, allotment)
    if not is_taken:
        # The desk has closed the drop, or is about to. End it now: that gives back all its units, those of
        # this top-up included.
        await end_drop(stores, snapshot, None, now, intent.id)
        return Refused(Code.WRONG_STATE, "the drop is closed")
    await stores.feed.publish(intent.id, FeedKind.CHANGED, snapshot.to_room_drop(row))
    async with stores.ledger.begin() as conn:
        await finish_change(conn, intent, now)
    return None


async def _extend(
    stores: Stores, snapshot: DropSnapshot, intent: Intent, payload: ExtendPayload, now: int
) -> Refused | None:
    row = snapshot.row
    extended = await stores.desk.extend(
        row.shard,
        row.id,
        intent.id,
        payload.duration_ms,
        payload.expected_closes_at,
        caps_of(snapshot.batch),
    )
    if extended.outcome != "extended":
        await _finish(stores, intent, now)
        return Refused(Code.WRONG_STATE, f"the drop is {extended.outcome}")
    moved = replace(row, closes_at=extended.closes_at)
    await stores.feed.publish(intent.id, FeedKind.CHANGED, snapshot.to_room_drop(moved))
    async with stores.ledger.begin() as conn:
        await assert_desk_epoch(conn, row, extended.epoch)
        await drops.move_end(conn, row.id, extended.closes_at)
        await finish_change(conn, intent, now)
    return None


async def _release(
    stores: Stores, snapshot: DropSnapshot, released: Sequence[ReleasedClaim]
) -> None:
    """Free the units on the desk and publish the losses.

    The desk frees a unit only where the student still holds it by this very claim. The losses are published
    whatever the desk found: an earlier attempt may have died between the two. On a closed drop no unit
    becomes free, but the desk then shows the released claim to a student who reconnects.
    """
    row = snapshot.row
    await stores.desk.release(row.shard, row.id, {each.student: each.claim_id for each in released})
    losses = [
        Loss("coupon_released", each.student, row.id, each.coupon_id, HOLD_ENDED)
        for each in released
    ]
    await stores.feed.publish_losses(row.room, losses)


async def _move_hold(stores: Stores, snapshot: DropSnapshot, coupon_ids: Sequence[str]) -> None:
    """Publish the coupons as the ledger has them now, which may be newer than the intent. A coupon that was
    released or used since is skipped: its own change publishes it.
    """
    row = snapshot.row
    async with stores.ledger.read() as conn:
        found = await read_statuses(conn, coupon_ids)
    claims = [confirmed_claim(one) for one in found if one.standing.state in _WITH_HOLD]
    of_drop = [claim for claim in claims if claim is not None]
    if of_drop:
        await stores.desk.replace_coupons(row.shard, of_drop)
        published = [Confirmation(one.student, row.id, one.coupon) for one in of_drop]
        await stores.feed.publish_confirmations(row.room, published)


async def _finish(stores: Stores, intent: Intent, now: int) -> None:
    async with stores.ledger.begin() as conn:
        await intents.finish(conn, intent.id, now)
