"""The actions of a teacher on drops: create, open, close, top up, extend, read.

Called by the API. Opening has the most steps: one ledger transaction takes the stock and writes the intent;
then the desk opens the drop, the room's feed publishes it, and the ledger marks it as open. From the first
commit on a worker finishes what this process does not, or cancels the opening after 10 s and returns its
stock. A caller who gets `unavailable` may therefore read the drop again, or repeat the request with the same
Idempotency-Key.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops import drop_rules
from server.core.drops.drop_rules import DropForm
from server.core.drops.drops import DropState
from server.core.drops.invite_rule import EVERYWHERE, InviteRule
from server.core.drops.tasks import InviteTask
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.desk.drops.drop_desk import DropDesk
from server.desk.feed.feed import Feed
from server.flows.abort import Abort, abort_if, returns_refusal
from server.flows.drops.changes.change_drop import write_extension, write_top_up
from server.flows.drops.changes.close_drop import write_close
from server.flows.drops.changes.edit_drop import DropChanges, write_edit, write_removal
from server.flows.drops.changes.reopen_drop import ReopenForm, write_reopening
from server.flows.drops.changes.write_opening import (
    WrittenIntent,
    to_drive,
    write_new,
    write_prepared_opening,
)
from server.flows.drops.intents.drive_intents import drive
from server.flows.drops.views import drop_view
from server.flows.drops.views.drop_snapshot import find_in_room_for_update
from server.flows.drops.views.drop_view import DropPage, DropView
from server.flows.idempotency import find_previous_result
from server.flows.stores import Stores
from server.ids import new_id
from server.ledger import intents
from server.ledger.drops.drop_results import DropClaim
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from server.ledger.intents import IntentKind
from server.ledger.promotions import batches

# Shorter than core.drops.OPENING_DEADLINE_MS: an opening is never still driven here when a worker cancels it.
DRIVE_SECONDS: Final = 8.0
Check = Callable[[AsyncConnection], Awaitable[None]]


class DropService:
    """The drops of rooms, on behalf of one actor.

    Every method that changes a drop returns it as it is afterwards, or Refused, and may be repeated.
    `unavailable` means that ledger or desk did not answer in time: the change may still be carried out.
    `not_found` also stands for a drop of another room.
    """

    def __init__(
        self,
        ledger: Ledger,
        drop_desk: DropDesk,
        feed: Feed,
        actor: str,
        invites: InviteRule = EVERYWHERE,
    ) -> None:
        """Take the stores; `actor` is written into the acts, the audit log. `invites`: of new drops."""
        self._stores = Stores(ledger, drop_desk, feed, actor)
        self._invites = invites

    @returns_refusal
    async def create(
        self, room: str, form: DropForm, key: IdempotencyKey | None, now: int
    ) -> DropView | Refused:
        """Create a drop and open it, or leave it prepared: that takes no stock until it is opened.

        Refuses with invalid_field (also for a batch without a quantity, or one that this room may not
        drop), stock_short with `available`, too_many where the room has reached its limit of waiting drops,
        wrong_state outside the batch's claim window, price_rule, instructor_stopped, unavailable. The same
        `key` creates one drop.
        """
        broken = drop_rules.violations(form)
        if broken:
            return refused(broken)
        if (late := drop_rules.timing_refusal(form, now)) is not None:
            return late
        drop_id = new_id("drp")
        async with self._stores.ledger.begin() as conn:
            earlier = await find_previous_result(conn, key, drop_id, now)
            if earlier is None:
                await self._check_invites(conn, form)
                opening = await write_new(conn, drop_id, self._stores.actor, room, form, now)
        if earlier is not None:
            return await self._finish_opening(earlier, room, now)
        return await self._drive_and_show(opening, drop_id, room, now)

    async def _check_invites(self, conn: AsyncConnection, form: DropForm) -> None:
        if isinstance(form.task, InviteTask):
            batch = await batches.find(conn, form.batch_id)
            abort_if(self._invites.refusal(form.task, batch.channel if batch is not None else ""))

    @returns_refusal
    async def open(
        self, drop_id: str, room: str, now: int, check: Check | None = None
    ) -> DropView | Refused:
        """Open a prepared drop, unless `check` aborts. A drop that is open or being opened stays as it is.

        Refuses with stock_short, instructor_stopped, and wrong_state for a closed drop and outside the
        batch's claim window.
        """
        opening = None
        async with self._stores.ledger.begin() as conn:
            row = await find_in_room_for_update(conn, drop_id, room)
            if row.state is DropState.CLOSED:
                raise Abort(Refused(Code.WRONG_STATE, "the drop is closed"))
            if row.state is DropState.PREPARED:
                if check is not None:
                    await check(conn)
                opening = await write_prepared_opening(conn, row, self._stores.actor, now)
        if opening is None:
            return await self._finish_opening(drop_id, room, now)
        return await self._drive_and_show(opening, drop_id, room, now)

    @returns_refusal
    async def reopen(
        self, drop_id: str, room: str, form: ReopenForm, now: int
    ) -> DropView | Refused:
        """Open a closed drop again, with more units of its batch.

        Refuses as `open` does, with invalid_field, with in_progress, and with wrong_state for a drop that is
        not closed, never was open, or was closed too long ago.
        """
        intent = await write_reopening(self._stores, drop_id, room, form, now)
        return await self._drive_and_show(to_drive(intent), drop_id, room, now)

    @returns_refusal
    async def edit(
        self, drop_id: str, room: str, changes: DropChanges, now: int
    ) -> DropView | Refused:
        """Change a drop that is prepared; refuses as `create` does, and with wrong_state for another."""
        await write_edit(self._stores, drop_id, room, changes, now)
        return await drop_view.show_drop(self._stores, drop_id, room, now)

    @returns_refusal
    async def remove(self, drop_id: str, room: str, now: int) -> DropView | Refused:
        """Delete a drop that is prepared, and return it as it was; wrong_state for another."""
        found = await drop_view.show_drop(self._stores, drop_id, room, now)
        await write_removal(self._stores, drop_id, room, now)
        return found

    @returns_refusal
    async def close(
        self, drop_id: str, room: str, now: int, reason: str = ""
    ) -> DropView | Refused:
        """Close a drop; units that nobody has claimed go back to the batch. Repeatable. The act keeps the
        `reason`, where there is one."""
        written = await write_close(self._stores, drop_id, room, now, reason)
        return await self._drive_and_show(written, drop_id, room, now)

    @returns_refusal
    async def top_up(
        self, drop_id: str, room: str, add: int, expected_quantity: int, now: int
    ) -> DropView | Refused:
        """Add units to an open drop.

        Refuses with stock_short, and with wrong_state and the current `quantity` where that is not the
        expected one.
        """
        intent = await write_top_up(self._stores, drop_id, room, add, expected_quantity, now)
        return await self._drive_and_show(to_drive(intent), drop_id, room, now)

    @returns_refusal
    async def extend(
        self, drop_id: str, room: str, seconds: int, expected_closes_at: int, now: int
    ) -> DropView | Refused:
        """Move the end of an open drop by `seconds`. Refuses with wrong_state and the current `closes_at`
        where that is not the expected one.
        """
        intent = await write_extension(
            self._stores, drop_id, room, seconds, expected_closes_at, now
        )
        return await self._drive_and_show(to_drive(intent), drop_id, room, now)

    @returns_refusal
    async def get(self, drop_id: str, room: str, now: int) -> DropView | Refused:
        """Return one drop; not_found."""
        return await drop_view.show_drop(self._stores, drop_id, room, now)

    @returns_refusal
    async def list_for_room(
        self,
        room: str,
        limit: int,
        after: str | None,
        now: int,
        *,
        is_closed: bool | None = None,
    ) -> list[DropView] | Refused:
        """Return a page of the room's drops, newest first, from behind the drop `after`. `is_closed`: only
        those that are closed, or only those that are not."""
        page = DropPage(limit, after, is_closed)
        return await drop_view.show_room(self._stores, room, page, now)

    @returns_refusal
    async def claims(
        self, drop_id: str, room: str, student: str | None, limit: int, after: str | None
    ) -> list[DropClaim] | Refused:
        """Return a page of the drop's claims, newest win first, from behind the claim `after`. `student` None
        means the claims of all students.
        """
        return await drop_view.claims_of_drop(self._stores, drop_id, room, student, limit, after)

    async def _finish_opening(self, drop_id: str, room: str, now: int) -> DropView | Refused:
        """Drive the drop's opening, if one is pending, and return the drop."""
        async with self._stores.ledger.read() as conn:
            pending = await intents.pending_of(conn, drop_id)
        opening = next((one for one in pending if one.kind is IntentKind.OPEN), None)
        return await self._drive_and_show(to_drive(opening), drop_id, room, now)

    async def _drive_and_show(
        self, written: WrittenIntent | None, drop_id: str, room: str, now: int
    ) -> DropView | Refused:
        if written is not None:
            # Counted from the moment the intent was written: a replayed request has less time left, so that
            # it does not drive the opening after a worker has cancelled it.
            seconds = DRIVE_SECONDS - (now - written.intent.created_at) / 1000
            try:
                async with asyncio.timeout(seconds):
                    done = await drive(self._stores, written.intent, now, written.snapshot)
            except TimeoutError:
                return Refused(Code.UNAVAILABLE, "it took too long; it is being finished")
            if isinstance(done, Refused):
                return done
            if done is not None and written.snapshot is not None:
                return drop_view.show_opened(written.snapshot, done)
        return await drop_view.show_drop(self._stores, drop_id, room, now)
