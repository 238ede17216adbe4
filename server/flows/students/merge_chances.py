"""Move what may still become a coupon when two accounts of one person become one: open offers, passes and
progress of tasks, entries of draws.

Called by merge.py: `move` inside its transaction, `tell` after the commit, from the ledger anew, so that a
repetition does what an earlier attempt did not. What is decided where both accounts have done the same is in
REFERENCE.md, "Merge of two accounts". Spins of lotteries stay under the name for which they were drawn
(decision 0049).

What is on its way to the old account arrives there: merge once more. So do the entries of a draw that is not
over: its winners are seated by the names of the entries.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.tasks import InviteTask, needed
from server.core.ids import DropId, StudentId
from server.core.offers.offers import Offer, OfferState, can_end
from server.core.promotions.templates import Template
from server.desk.drops.task_desk import TaskOf
from server.desk.feed.coupon_changes import CouponChange
from server.flows.offers.end_offers import end_open
from server.flows.offers.offer_notices import show_ended, show_made
from server.flows.stores import Stores, batch_and_template
from server.frames import task_frames
from server.ledger.drops.drop_row import DropRow
from server.ledger.offers import offers
from server.ledger.students import merge_chances as rows
from server.ledger.tasks import invites, passes
from server.ledger.tasks.passes import Pass

CLOSED_KEPT_MS: Final = 24 * 3600 * 1000  # as long as the desk keeps a closed drop


@dataclass(frozen=True, slots=True)
class Moved:
    """The offers that moved or ended, as the old account had them, and the numbers for the report."""

    moved: tuple[Offer, ...]
    ended: tuple[Offer, ...]
    report: dict[str, int]


async def winning_drops(stores: Stores, student: StudentId, now: int) -> frozenset[DropId]:
    """Return the draws on whose desk the student has a claim."""
    async with stores.ledger.read() as conn:
        entered = await rows.drops_entered(conn, student, now - CLOSED_KEPT_MS)
    desk = stores.desk.merged_accounts
    return frozenset([one for one in entered if await desk.has_claim(entered[one], one, student)])


async def move(
    conn: AsyncConnection,
    student: StudentId,
    into: StudentId,
    winning: Collection[DropId],
    now: int,
) -> Moved:
    """Move the rows, after the coupons and their claims."""
    moved, ended = await _move_offers(conn, student, into, now)
    passed = await rows.move_passes(conn, student, into)
    await rows.move_invitations(conn, student, into)
    await rows.move_exposures(conn, student, into)
    for row, wanted in _invites(await passes.open_with_task(conn)):
        if await invites.count(conn, row.id, into) >= wanted:
            await passes.insert(conn, [Pass(row.id, into, now)])
    report = {
        "offers": len(moved),
        "offers_ended": len(ended),
        "tasks": passed,
        "entries": await rows.move_entries(conn, student, into, winning),
        "under_way": await rows.count_under_way(conn, student),
    }
    return Moved(tuple(moved), tuple(ended), report)


async def _move_offers(
    conn: AsyncConnection, student: StudentId, into: StudentId, now: int
) -> tuple[list[Offer], list[Offer]]:
    moved, ended = list[Offer](), list[Offer]()
    kept = {one.batch_id for one in await offers.open_of_student_for_update(conn, into)}
    for one in await offers.open_of_student_for_update(conn, student):
        if not can_end(one):
            continue  # its coupon is on its way to the old account
        if one.batch_id in kept:
            ended.append(await end_open(conn, one, OfferState.WITHDRAWN, now))
        else:
            await offers.change(conn, one.id, student=into)
            moved.append(one)
    return moved, ended


async def tell(stores: Stores, moved: Moved, student: StudentId, into: StudentId, now: int) -> None:
    """Tell the desk and the sockets of both accounts. Repeatable. DeskUnavailableError: call it again."""
    await _tell_offers(stores, moved, into)
    async with stores.ledger.read() as conn:
        with_task = await passes.open_with_task(conn)
        invited = {
            row.id: await invites.count(conn, row.id, into) for row, _ in _invites(with_task)
        }
        entered = await rows.drops_entered(conn, into, now - CLOSED_KEPT_MS)
        entries = await rows.entries_of(conn, into, list(entered))
    for row in with_task:
        await _tell_task(stores, row, student, into, invited.get(row.id, 0))
    for one in entries:
        await stores.desk.merged_accounts.move_entry(
            entered[one.drop_id], one.drop_id, one.claim_id, student, into
        )


async def _tell_offers(stores: Stores, moved: Moved, into: StudentId) -> None:
    async with stores.ledger.read() as conn:
        templates: dict[str, Template] = {
            one.batch_id: (await batch_and_template(conn, one.batch_id))[1] for one in moved.moved
        }
    gone = [replace(one, state=OfferState.WITHDRAWN) for one in moved.moved]
    await show_ended(stores.feed, [*moved.ended, *gone])
    await show_made(stores.feed, [replace(one, student=into) for one in moved.moved], templates)


async def _tell_task(
    stores: Stores, row: DropRow, student: StudentId, into: StudentId, invited: int
) -> None:
    """Let the desk have the further progress of both, and tell it to `into` where something has moved."""
    assert row.task is not None
    of, desk = TaskOf(row.shard, row.id, row.task), stores.desk
    has_moved = await desk.merged_accounts.move_task(of.shard, of.drop_id, student, into)
    if invited:
        await desk.tasks.set_done(of, {into: invited}, needed(row.task))
    if has_moved or invited:
        progress = (await desk.tasks.progress_of([of], [into]))[0][into]
        frame = {"type": "task_progress", **task_frames.progress_fields(row.id, progress)}
        await stores.feed.publish_changes([CouponChange(into, frame)])


def _invites(with_task: Sequence[DropRow]) -> list[tuple[DropRow, int]]:
    """Return the drops whose task is to invite, with how many students that are."""
    return [(row, row.task.count) for row in with_task if isinstance(row.task, InviteTask)]
