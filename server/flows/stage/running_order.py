"""The running order of a room: write it, show it, hold and resume it, start the class, note the video.

Called by the API. All of it is in the ledger: an order, its hold and the start of the class survive whatever
dies, and the worker that fires entries (fire_cues.py) needs nothing else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.drops.cues import Cue, CueState
from server.core.drops.drops import DropState
from server.core.ids import DropId
from server.core.refusals import Code, Refused, invalid_field
from server.core.stage.running_order import (
    MAX_ENTRIES,
    Stage,
    order_version,
    resumed,
    value_fault,
)
from server.flows.abort import abort_if, returns_refusal
from server.flows.access.instructors import instructor_refusal
from server.ledger import acts
from server.ledger.drops import cues, drops
from server.ledger.drops.cues import DropCue
from server.ledger.drops.drop_row import DropRow
from server.ledger.engine import Ledger
from server.ledger.stage import stages


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it was asked for: a prepared drop, and what it waits for."""

    drop_id: str
    cue: Cue


@dataclass(frozen=True, slots=True)
class RunningOrder:
    """The order of a room with its stage. `drops` are those of its entries, by id."""

    stage: Stage
    entries: Sequence[DropCue]
    drops: dict[str, DropRow]

    @property
    def version(self) -> str:
        return order_version((one.drop_id, one.cue) for one in self.entries)


@dataclass(frozen=True, slots=True)
class OrderForm:
    """An order to write. `version`: of the order that its writer has seen; None writes over any."""

    entries: Sequence[Entry]
    version: str | None = None


@returns_refusal
async def write_order(
    ledger: Ledger, actor: str, room: str, form: OrderForm, now: int
) -> RunningOrder | Refused:
    """Replace the running order of the room. Entries that have fired stay what they are.

    Refuses with invalid_field for a drop that is not prepared in this room or is there twice, and for a
    moment that is over; with wrong_state (`version`: the one it has) where somebody wrote another one
    meanwhile. Then nothing changes. Repeatable.
    """
    entries = form.entries
    if len(entries) > MAX_ENTRIES:
        return invalid_field("entries", "too_many")
    async with ledger.begin() as conn:
        await drops.lock_waiting_drops(conn, room)
        abort_if(await instructor_refusal(conn, actor, now))
        standing = await cues.of_room(conn, room)
        abort_if(_version_refusal(form, standing))
        before = {one.drop_id: one for one in standing}
        found = {row.id: row for row in await drops.find_all(conn, [e.drop_id for e in entries])}
        written = []
        for number, entry in enumerate(entries):
            abort_if(_entry_refusal(number, entries, before, found, room, now))
            written.append(_written(entry, number + 1, before, room, now))
        await stages.touch(conn, room, now)
        await cues.remove_of_room(conn, room)
        await cues.insert_all(conn, written)
        await acts.write_act(conn, actor, Action.ORDER_WRITTEN, room, now, entries=len(entries))
        return await _read(conn, room)


async def show_order(ledger: Ledger, room: str) -> RunningOrder:
    """Return the running order of the room; an empty one where nothing was written."""
    async with ledger.read() as conn:
        return await _read(conn, room)


async def pause(ledger: Ledger, actor: str, room: str, now: int, reason: str = "") -> RunningOrder:
    """Hold the order: nothing of it fires until it is resumed. Repeatable. The act keeps the `reason`, where
    there is one."""

    def held(stage: Stage) -> Stage:
        return stage if stage.is_held else replace(stage, held_at=now, held_by=actor)

    return await _change(ledger, (actor, Action.ORDER_HELD), room, held, now, reason)


async def resume(ledger: Ledger, actor: str, room: str, now: int) -> RunningOrder:
    """Let the order go on; the minutes of the class stood still meanwhile. Repeatable."""
    return await _change(
        ledger, (actor, Action.ORDER_RESUMED), room, lambda stage: resumed(stage, now), now
    )


async def start_class(ledger: Ledger, actor: str, room: str, now: int) -> RunningOrder:
    """Begin the class now: its minutes count from here, whatever was before."""

    def started(stage: Stage) -> Stage:
        return replace(stage, started_at=now, started_by=actor)

    return await _change(ledger, (actor, Action.CLASS_STARTED), room, started, now)


async def note_position(ledger: Ledger, room: str, seconds: int, now: int) -> RunningOrder:
    """Note where the video is, as its player tells every few seconds."""

    def moved(stage: Stage) -> Stage:
        return replace(stage, video_seconds=seconds, video_at=now)

    return await _change(ledger, None, room, moved, now)


async def _change(
    ledger: Ledger,
    act: tuple[str, Action] | None,
    room: str,
    change: Callable[[Stage], Stage],
    now: int,
    reason: str = "",
) -> RunningOrder:
    async with ledger.begin() as conn:
        # Two first writers of a room must not both insert its row.
        await drops.lock_waiting_drops(conn, room)
        await stages.touch(conn, room, now)
        before = await stages.find_for_update(conn, room)
        after = change(before)
        if after != before:
            await stages.replace(conn, after, now)
            if act is not None:
                why: dict[str, object] = {"reason": reason} if reason else {}
                await acts.write_act(conn, act[0], act[1], room, now, **why)
        return await _read(conn, room)


def _version_refusal(form: OrderForm, standing: Sequence[DropCue]) -> Refused | None:
    version = order_version((one.drop_id, one.cue) for one in standing)
    wanted = order_version((one.drop_id, one.cue) for one in form.entries)
    if form.version is None or version in (form.version, wanted):  # wanted: the same PUT again
        return None
    return Refused(Code.WRONG_STATE, "the order was written meanwhile", {"version": version})


def _entry_refusal(
    number: int,
    entries: Sequence[Entry],
    before: dict[DropId, DropCue],
    found: dict[DropId, DropRow],
    room: str,
    now: int,
) -> Refused | None:
    entry = entries[number]
    row = found.get(DropId(entry.drop_id))
    field = f"entries.{number}.drop_id"
    if row is None or row.room != room:
        return invalid_field(field, "unknown")
    if any(other.drop_id == entry.drop_id for other in entries[:number]):
        return invalid_field(field, "duplicate")
    known = before.get(row.id)
    if known is not None and known.cue == entry.cue:
        return None  # it stays what it is, fired or not
    if row.state is not DropState.PREPARED:
        return invalid_field(field, "not_prepared")
    fault = value_fault(entry.cue, now)
    return invalid_field(f"entries.{number}.{entry.cue.kind}", fault) if fault else None


def _written(
    entry: Entry, place: int, before: dict[DropId, DropCue], room: str, now: int
) -> DropCue:
    drop_id = DropId(entry.drop_id)
    known = before.get(drop_id)
    if known is not None and known.cue == entry.cue:
        return replace(known, place=place)
    return DropCue(drop_id, room, place, entry.cue, CueState.WAITING, None, now)


async def _read(conn: AsyncConnection, room: str) -> RunningOrder:
    entries = await cues.of_room(conn, room)
    rows = await drops.find_all(conn, [one.drop_id for one in entries])
    return RunningOrder(await stages.find(conn, room), entries, {row.id: row for row in rows})
