"""Tells desk and room what the ledger has decided, until it is done.

Called by the flows right after they have written an intent, and by workers for what a dead process
left behind. Each hop may be repeated and two may drive one intent at once: the desk knows it by the
id of drop, allotment, claim or intent, the feed by the publication's, and whoever finishes the row in the
ledger is the one whose transaction counts.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from server.core.coupons.coupons import HOLD_ENDED, CouponState
from server.core.drops.drops import OPENING_DEADLINE_MS, CloseReason, DropState
from server.core.refusals import Code, Refused
from server.desk import DeskReplacedError, DeskUnavailableError
from server.desk.caps import CapsMissing
from server.desk.drop_state import Stamped
from server.desk.feed import Confirmation, FeedKind, Loss
from server.flows.coupons.load_caps import caps_of, load_missing_caps
from server.flows.coupons.publish_coupons import confirmed_claim, read_statuses
from server.flows.drops.drop_snapshot import DropSnapshot, read_drop_snapshot
from server.flows.drops.end_drop import end_drop
from server.flows.stores import Stores, assert_desk_epoch
from server.ledger import intents
from server.ledger.drops import drops
from server.ledger.intents import Intent, IntentKind

_AT_ONCE: Final = 100
_TRIES: Final = 3  # a rebuild may come in between
_HELD: Final = (CouponState.USABLE, CouponState.LOCKED)


@dataclass(frozen=True, slots=True)
class DriveResult:
    """`waiting`: Redis was away or fenced; they are tried again."""

    done: int
    waiting: int


async def drive(
    stores: Stores, intent: Intent, now: int, snapshot: DropSnapshot | None = None
) -> Refused | None:
    """Does it. `whole`: the drop as the intent's own transaction left it, else it is read. Refused: the
    desk says no, and what the ledger had set aside is back. DeskUnavailableError,
    LedgerUnavailableError: it stays pending.
    """
    snapshot = snapshot or await read_drop_snapshot(stores.ledger, intent.drop_id)
    hops = _HOPS[intent.kind]
    try:
        return await hops(stores, snapshot, intent, now)
    except DeskReplacedError:
        # Done on a desk that is gone, and not written down. Once more, with the drop as it is now.
        snapshot = await read_drop_snapshot(stores.ledger, intent.drop_id)
        return await hops(stores, snapshot, intent, now)


async def drive_pending(stores: Stores, older_than_ms: int, now: int) -> DriveResult:
    """What nobody has finished: an opening that is too old is given up, everything else is driven.
    Any number of workers may do it at once. LedgerUnavailableError passes.
    """
    async with stores.ledger.read() as conn:
        left_behind = await intents.pending(conn, now - older_than_ms, _AT_ONCE)
    results = [await _take_on(stores, intent, now) for intent in left_behind]
    return DriveResult(sum(results), len(results) - sum(results))


async def close_overdue(stores: Stores, now: int) -> DriveResult:
    """Ends the drops whose time is over; those that the desk says were extended stay."""
    async with stores.ledger.read() as conn:
        overdue = await drops.overdue(conn, now, _AT_ONCE)
    results = [await _close_if_over(stores, row.id, now) for row in overdue]
    return DriveResult(sum(results), len(results) - sum(results))


async def _take_on(stores: Stores, intent: Intent, now: int) -> bool:
    async with stores.ledger.begin() as conn:
        # Before it is tried: an intent that breaks its worker must not stay in front.
        await intents.count_attempt(conn, intent.id)
    try:
        if intent.kind is IntentKind.OPEN and now - intent.created_at >= OPENING_DEADLINE_MS:
            await _give_up_opening(stores, intent, now)
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


async def _give_up_opening(stores: Stores, intent: Intent, now: int) -> None:
    """Too late for the moment it was meant for: the teacher has been told `unavailable`."""
    snapshot = await read_drop_snapshot(stores.ledger, intent.drop_id)
    if snapshot.row.state is DropState.OPENING:
        await end_drop(stores, snapshot, CloseReason.CANCELLED, now, intent.id)
    else:
        await _finish(stores, intent, now)


async def _open(stores: Stores, snapshot: DropSnapshot, intent: Intent, now: int) -> Refused | None:
    row = snapshot.row
    if row.state is not DropState.OPENING:
        await _finish(stores, intent, now)
        return None
    window = await _opened(stores, snapshot)
    if window is None:
        await end_drop(stores, snapshot, CloseReason.CANCELLED, now, intent.id)
        return Refused(Code.UNAVAILABLE, "the opening took too long and was given up")
    opened = replace(row, opens_at=window.opens_at, closes_at=window.closes_at)
    # With its window: a desk that was lost meanwhile has stamped another, which the room has to know.
    told = f"{intent.id}.{window.opens_at}"
    await stores.feed.publish(told, FeedKind.OPENED, snapshot.to_room_drop(opened))
    present = (await stores.feed.audience_counts(row.room, row.id)).present
    async with stores.ledger.begin() as conn:
        await assert_desk_epoch(conn, row, window.epoch)
        await drops.mark_open(conn, row.id, window, present)
        await intents.finish(conn, intent.id, now)
    return None


async def _opened(stores: Stores, snapshot: DropSnapshot) -> Stamped | None:
    """On the desk, which is told first what students have used of the batch and its campaign where it does
    not know. None: it was closed before it was opened."""
    row = snapshot.row
    for _ in range(_TRIES):
        answer = await stores.desk.open(
            shard=row.shard,
            drop_id=row.id,
            batch_id=row.batch_id,
            room=row.room,
            per_student=row.per_student,
            allotments=snapshot.allotments,
            opens_in_ms=row.opens_in_seconds * 1000,
            duration_ms=row.duration_seconds * 1000,
            campaign_id=snapshot.batch.campaign_id,
            per_campaign=snapshot.batch.per_campaign,
            unused=snapshot.unused,
        )
        if not isinstance(answer, CapsMissing):
            return answer
        await load_missing_caps(stores.ledger, stores.desk.caps, snapshot.batch, answer)
    raise DeskReplacedError(f"the desk of {row.id} forgets what it is told of limits")


async def _top_up(
    stores: Stores, snapshot: DropSnapshot, intent: Intent, now: int
) -> Refused | None:
    row = snapshot.row
    mine = next(a for a in snapshot.allotments if a.id == intent.payload["allotment_id"])
    is_taken = False
    # Those before it as well, in the order of their units: the desk may not have an earlier top-up
    # yet whose process died, and its units have no gaps.
    for allotment in snapshot.allotments[1 : snapshot.allotments.index(mine) + 1]:
        is_taken = await stores.desk.add_units(row.shard, row.id, allotment)
    if not is_taken:
        # The desk has closed it, or is about to: ended here and now, all its units go back at once.
        await end_drop(stores, snapshot, None, now, intent.id)
        return Refused(Code.WRONG_STATE, "the drop is closed")
    await stores.feed.publish(intent.id, FeedKind.CHANGED, snapshot.to_room_drop(row))
    await _finish(stores, intent, now)
    return None


async def _extend(
    stores: Stores, snapshot: DropSnapshot, intent: Intent, now: int
) -> Refused | None:
    row = snapshot.row
    extended = await stores.desk.extend(
        row.shard,
        row.id,
        intent.id,
        int(str(intent.payload["ms"])),
        int(str(intent.payload["expected_closes_at"])),
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
        await intents.finish(conn, intent.id, now)
    return None


async def _close(
    stores: Stores, snapshot: DropSnapshot, intent: Intent, now: int
) -> Refused | None:
    await end_drop(stores, snapshot, CloseReason.STOPPED, now, intent.id)
    return None


async def _release(
    stores: Stores, snapshot: DropSnapshot, intent: Intent, now: int
) -> Refused | None:
    """The desk frees what is still held by these very claims; the students are told in any case, who
    were perhaps told before. Of an ended drop nothing is free by it, but who comes back sees it."""
    row, released = snapshot.row, intent.payload["claims"]
    assert isinstance(released, list)
    claims = {student: claim_id for claim_id, student, _ in released}
    await stores.desk.release(row.shard, row.id, claims)
    losses = [
        Loss("coupon_released", student, row.id, coupon_id, HOLD_ENDED)
        for _, student, coupon_id in released
    ]
    await stores.feed.publish_losses(row.room, losses)
    await _finish(stores, intent, now)
    return None


async def _move_hold(
    stores: Stores, snapshot: DropSnapshot, intent: Intent, now: int
) -> Refused | None:
    """As the ledger has them now: what was released, used or moved again since is told by that."""
    row, ids = snapshot.row, intent.payload["coupons"]
    assert isinstance(ids, list)
    async with stores.ledger.read() as conn:
        found = await read_statuses(conn, ids)
    held = [confirmed_claim(one) for one in found if one.standing.state in _HELD]
    shown = [claim for claim in held if claim is not None]
    if shown:
        await stores.desk.replace_coupons(row.shard, shown)
        told = [Confirmation(one.student, row.id, one.coupon) for one in shown]
        await stores.feed.publish_confirmations(row.room, told)
    await _finish(stores, intent, now)
    return None


async def _finish(stores: Stores, intent: Intent, now: int) -> None:
    async with stores.ledger.begin() as conn:
        await intents.finish(conn, intent.id, now)


_Hops = Callable[[Stores, DropSnapshot, Intent, int], Awaitable[Refused | None]]
_HOPS: Final[Mapping[IntentKind, _Hops]] = {
    IntentKind.OPEN: _open,
    IntentKind.TOP_UP: _top_up,
    IntentKind.EXTEND: _extend,
    IntentKind.CLOSE: _close,
    IntentKind.RELEASE: _release,
    IntentKind.MOVE_HOLD: _move_hold,
}
