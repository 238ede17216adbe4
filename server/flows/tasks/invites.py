"""Give a student a link for the task to invite, and count who comes by it.

Called by the API. One transaction records the invitation and, with the last one that is needed, the pass; the
desk is told right after it, and by a worker where this process dies. Nobody counts who is the inviter, their
person or their device, or who is not new to the school.
"""

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from server.core.drops.drops import DropState
from server.core.drops.tasks import InviteTask, Progress, progress_of
from server.core.identity import Identity
from server.core.ids import DropId, StudentId
from server.core.refusals import Code, Refused
from server.desk import DeskUnavailableError
from server.desk.drops.task_desk import TaskOf
from server.desk.feed.coupon_changes import CouponChange
from server.flows.abort import returns_refusal
from server.flows.stores import Stores
from server.frames import task_frames
from server.ids import new_id
from server.ledger.drops import drops
from server.ledger.drops.drop_row import DropRow
from server.ledger.tasks import invites, passes
from server.ledger.tasks.invites import Inviter
from server.ledger.tasks.passes import Pass


class NotCounted(StrEnum):
    """The reason why a student who came by a link does not count."""

    SELF = "self"
    SAME_PERSON = "same_person"
    SAME_DEVICE = "same_device"
    NOT_NEW = "not_new"
    CAME_BEFORE = "came_before"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class OwnLink:
    """A student's link for a drop of this room, and how far they are."""

    code: str
    room: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class Arrival:
    """The arrival of somebody by a link. `reason` None: they count."""

    drop_id: str
    room: str
    reason: NotCounted | None = None


@returns_refusal
async def own_link(stores: Stores, drop_id: str, identity: Identity, now: int) -> OwnLink | Refused:
    """Return the student's link, the same each time. Refuses with wrong_state where the drop is not open or
    has another task, not_found where there is none.
    """
    student = identity.subject
    async with stores.ledger.begin() as conn:
        row = await drops.find(conn, drop_id)
        if row is None:
            return Refused(Code.NOT_FOUND)
        if not isinstance(row.task, InviteTask) or row.state is not DropState.OPEN:
            return Refused(Code.WRONG_STATE, "the drop asks for no invitations now")
        wanted = Inviter(new_id("inv"), row.id, student, identity.person, identity.device)
        found = await invites.add(conn, wanted, now)
        count = await invites.count(conn, drop_id, student)
    return OwnLink(found.code, row.room, progress_of(row.task, count, count >= row.task.count))


@returns_refusal
async def arrive(stores: Stores, code: str, identity: Identity, now: int) -> Arrival | Refused:
    """Record that this student came by the link with this code, and tell its student if that counts.
    Repeatable. Refuses with not_found.
    """
    async with stores.ledger.begin() as conn:
        by = await invites.find(conn, code)
        row = await drops.find_for_no_key_update(conn, by.drop_id) if by is not None else None
        if by is None or row is None:
            return Refused(Code.NOT_FOUND)
        reason = _reason(by, row, identity, now)
        if reason is None and not await invites.add_invitation(
            conn, by, identity.subject, identity.person, identity.device, now
        ):
            reason = NotCounted.CAME_BEFORE
        count = await invites.count(conn, row.id, by.student)
        if isinstance(row.task, InviteTask) and count >= row.task.count:
            await passes.insert(conn, [Pass(row.id, by.student, now)])
    if reason is None:
        await _tell(stores, row, by.student, count)
    return Arrival(row.id, row.room, reason)


def _reason(by: Inviter, row: DropRow, identity: Identity, now: int) -> NotCounted | None:
    is_over = row.closes_at is not None and now >= row.closes_at
    if row.state is not DropState.OPEN or is_over:
        return NotCounted.CLOSED
    if by.student == identity.subject:
        return NotCounted.SELF
    if by.person is not None and by.person == identity.person:
        return NotCounted.SAME_PERSON
    if by.device is not None and by.device == identity.device:
        return NotCounted.SAME_DEVICE
    return None if identity.is_new else NotCounted.NOT_NEW


async def _tell(stores: Stores, row: DropRow, student: str, count: int) -> None:
    """Tell desk and sockets. A failure is no harm: a worker tells the pass, and the link's call the count."""
    if not isinstance(row.task, InviteTask):
        return
    of = TaskOf(row.shard, DropId(row.id), row.task)
    progress = progress_of(row.task, count, count >= row.task.count)
    frame = {"type": "task_progress", **task_frames.progress_fields(row.id, progress)}
    with suppress(DeskUnavailableError):
        await stores.desk.tasks.set_done(of, {student: count}, row.task.count)
        await stores.feed.publish_changes([CouponChange(StudentId(student), frame)])
