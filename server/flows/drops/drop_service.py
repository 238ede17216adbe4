"""What a teacher does with drops: make, open, close, top up, extend, look.

Called by the API. Opening is the longest way (design, section 4): one ledger transaction takes the
stock and writes the intent; then the desk, then the room's feed, then the ledger again. Everything
from the first commit on is finished by a worker where this process dies, or given up and returned
after 10 s; so a caller who is told `unavailable` may look again, or ask again with the same
Idempotency-Key.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.drops import drop_rules
from server.core.drops.drop_rules import DropForm, Start
from server.core.drops.drops import Allotment, DropState
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.desk.caps import KnownUnused
from server.desk.drop_desk import DropDesk
from server.desk.feed import Feed
from server.flows.abort import Abort, abort_if, returns_refusal
from server.flows.drops import drop_view
from server.flows.drops.change_drop import write_extension, write_top_up
from server.flows.drops.close_drop import write_close
from server.flows.drops.drive_intents import drive
from server.flows.drops.drop_snapshot import DropSnapshot, find_in_room_for_update
from server.flows.drops.drop_view import DropView
from server.flows.drops.take_units import take_units
from server.flows.idempotency import find_previous_result
from server.flows.stores import Stores, batch_and_template, template_of
from server.ids import new_id
from server.ledger import acts, intents
from server.ledger.drops import drops
from server.ledger.drops.drop_results import DropClaim
from server.ledger.drops.drops import DropRow
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from server.ledger.intents import Intent, IntentKind
from server.ledger.promotions import batches

# Below core.drops.OPENING_DEADLINE_MS: no opening is still being driven here when a worker gives up
# on it.
DRIVE_SECONDS: Final = 8.0


class DropService:
    """Every call returns the drop as it is then, or Refused. Repeating any of them is harmless."""

    def __init__(self, ledger: Ledger, drop_desk: DropDesk, feed: Feed, actor: str) -> None:
        """`actor`: who does it, for the record."""
        self._stores = Stores(ledger, drop_desk, feed, actor)

    @returns_refusal
    async def create(
        self, room: str, form: DropForm, key: IdempotencyKey | None, now: int
    ) -> DropView | Refused:
        """Open at once, or prepared: without stock until it is opened. invalid_field (also for a
        batch that this room may not drop, or one without a quantity), stock_short with `available`,
        too_many where the room has as many that wait as it may, wrong_state outside the batch's claim
        window, unavailable.
        """
        broken = drop_rules.violations(form)
        if broken:
            return refused(broken)
        drop_id = new_id("drp")
        async with self._stores.ledger.begin() as conn:
            earlier = await find_previous_result(conn, key, drop_id, now)
            if earlier is None:
                opening = await _write_new(conn, drop_id, self._stores.actor, room, form, now)
        if earlier is not None:
            return await self._driven(earlier, room, now)
        return await self._after(opening, drop_id, room, now)

    @returns_refusal
    async def open(self, drop_id: str, room: str, now: int) -> DropView | Refused:
        """A prepared drop now. One that is open already, or being opened, stays as it is."""
        opening = None
        async with self._stores.ledger.begin() as conn:
            row = await find_in_room_for_update(conn, drop_id, room)
            if row.state is DropState.CLOSED:
                raise Abort(Refused(Code.WRONG_STATE, "the drop is closed"))
            if row.state is DropState.PREPARED:
                batch, template = await batch_and_template(conn, row.batch_id)
                unused = await _take_stock(conn, batch, template, row, now)
                await drops.mark_opening(conn, drop_id)
                snapshot = DropSnapshot(row, batch, template, (), unused)
                opening = await _write_opening(conn, snapshot, now)
                await acts.write_act(conn, self._stores.actor, Action.DROP_OPENED, drop_id, now)
        if opening is None:
            return await self._driven(drop_id, room, now)
        return await self._after(opening, drop_id, room, now)

    @returns_refusal
    async def close(self, drop_id: str, room: str, now: int) -> DropView | Refused:
        """Ends it; what nobody has claimed goes back to the batch. Repeatable."""
        intent = await write_close(self._stores, drop_id, room, now)
        return await self._after(_task_of(intent), drop_id, room, now)

    @returns_refusal
    async def top_up(
        self, drop_id: str, room: str, add: int, expected_quantity: int, now: int
    ) -> DropView | Refused:
        """wrong_state with the current `quantity` where it is not the expected one; stock_short."""
        intent = await write_top_up(self._stores, drop_id, room, add, expected_quantity, now)
        return await self._after(_task_of(intent), drop_id, room, now)

    @returns_refusal
    async def extend(
        self, drop_id: str, room: str, seconds: int, expected_closes_at: int, now: int
    ) -> DropView | Refused:
        """wrong_state with the current `closes_at` where it is not the expected one."""
        intent = await write_extension(
            self._stores, drop_id, room, seconds, expected_closes_at, now
        )
        return await self._after(_task_of(intent), drop_id, room, now)

    @returns_refusal
    async def get(self, drop_id: str, room: str, now: int) -> DropView | Refused:
        return await drop_view.show_drop(self._stores, drop_id, room, now)

    @returns_refusal
    async def list_for_room(
        self, room: str, limit: int, after: str | None, now: int
    ) -> list[DropView] | Refused:
        return await drop_view.show_room(self._stores, room, limit, after, now)

    @returns_refusal
    async def claims(
        self, drop_id: str, room: str, student: str | None, limit: int, after: str | None
    ) -> list[DropClaim] | Refused:
        return await drop_view.claims_of_drop(self._stores, drop_id, room, student, limit, after)

    async def _driven(self, drop_id: str, room: str, now: int) -> DropView | Refused:
        """After its opening has been finished, if one is under way."""
        async with self._stores.ledger.read() as conn:
            under_way = await intents.pending_of(conn, drop_id)
        opening = next((one for one in under_way if one.kind is IntentKind.OPEN), None)
        return await self._after(_task_of(opening), drop_id, room, now)

    async def _after(
        self, task: "_Task | None", drop_id: str, room: str, now: int
    ) -> DropView | Refused:
        if task is not None:
            # From when it was written: a replay of an old opening has less time.
            seconds = DRIVE_SECONDS - (now - task.intent.created_at) / 1000
            try:
                async with asyncio.timeout(seconds):
                    abort_if(await drive(self._stores, task.intent, now, task.snapshot))
            except TimeoutError:
                return Refused(Code.UNAVAILABLE, "it took too long; it is being finished")
            if task.snapshot is not None:
                return await drop_view.show_opened(self._stores, task.snapshot, now)
        return await drop_view.show_drop(self._stores, drop_id, room, now)


@dataclass(frozen=True, slots=True)
class _Task:
    """An intent to be driven now. `whole`: its drop, where that is known already: between a teacher's
    press and the card every read counts."""

    intent: Intent
    snapshot: DropSnapshot | None = None


def _task_of(intent: Intent | None) -> _Task | None:
    return _Task(intent) if intent is not None else None


async def _write_new(
    conn: AsyncConnection, drop_id: str, actor: str, room: str, form: DropForm, now: int
) -> _Task | None:
    """None: a prepared one, with nothing to be done yet."""
    if drop_rules.waits(form):
        await drops.lock_waiting_drops(conn, room)
        abort_if(drop_rules.waiting_refusal(await drops.count_waiting(conn, room, now)))
    batch = await batches.find(conn, form.batch_id, is_kept=True)
    abort_if(drop_rules.batch_refusal(batch, room))
    assert batch is not None  # or it would have been refused
    row = _row(drop_id, actor, room, form, batch, now)
    await acts.write_act(
        conn, actor, Action.DROP_MADE, drop_id, now, room=room, quantity=row.quantity
    )
    if form.start == Start.PREPARED:
        await drops.insert_drop(conn, row)
        return None
    template = await template_of(conn, batch)
    unused = await _take_stock(conn, batch, template, row, now)
    await drops.insert_drop(conn, replace(row, state=DropState.OPENING))
    return await _write_opening(conn, DropSnapshot(row, batch, template, (), unused), now)


async def _take_stock(
    conn: AsyncConnection, batch: Batch, template: Template, row: DropRow, now: int
) -> KnownUnused:
    opens_at = now + row.opens_in_seconds * 1000
    closes_at = opens_at + row.duration_seconds * 1000
    abort_if(drop_rules.window_refusal(batch, template, opens_at, closes_at))
    return await take_units(conn, batch, row.room, row.quantity, now)


async def _write_opening(conn: AsyncConnection, taken: DropSnapshot, now: int) -> _Task:
    """The opening, to be driven once this is committed. `taken`: the drop, without an allotment yet."""
    row = replace(taken.row, state=DropState.OPENING)
    allotment = Allotment(new_id("alt"), 1, row.quantity)
    intent = Intent(new_id("int"), IntentKind.OPEN, row.id, now, {})
    await drops.insert_allotment(conn, row.id, allotment, now)
    await intents.write(conn, intent)
    return _Task(intent, replace(taken, row=row, allotments=(allotment,)))


def _row(drop_id: str, actor: str, room: str, form: DropForm, batch: Batch, now: int) -> DropRow:
    return DropRow(
        id=drop_id,
        room=room,
        batch_id=batch.id,
        per_student=batch.per_student,
        shard=batch.shard,
        state=DropState.PREPARED,
        mode=form.mode,
        message=form.message,
        quantity=form.quantity,
        duration_seconds=form.duration_seconds,
        opens_in_seconds=form.opens_in_seconds,
        audience=form.audience,
        metadata=form.metadata,
        created_by=actor,
        created_at=now,
    )
