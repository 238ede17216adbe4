"""Change or delete a drop that is prepared.

Called by drop_service.py. A prepared drop has taken no stock and nobody but its teacher has seen it: there is
nothing to give back, and desk and room need not be told.
"""

from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.drops import drop_rules
from server.core.drops.claims import Audience
from server.core.drops.cues import Cue, CueKind
from server.core.drops.drop_ends import DropEnd
from server.core.drops.drop_rules import DropForm, Start
from server.core.drops.drops import DropState
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.flows.abort import Abort, abort_if
from server.flows.access.instructors import instructor_refusal
from server.flows.drops.views.drop_snapshot import find_in_room_for_update
from server.flows.stores import Stores
from server.ledger import acts
from server.ledger.drops import cues, drops
from server.ledger.drops.drop_row import DropRow
from server.ledger.promotions import batches

_CLOCK: Final = CueKind.AT


@dataclass(frozen=True, slots=True)
class DropChanges:
    """Changes of a prepared drop; None: that stays. `at`: when it opens by itself (ms); 0: by nobody but
    its teacher.
    """

    quantity: int | None = None
    end: DropEnd | None = None
    message: str | None = None
    opens_in_seconds: int | None = None
    audience: Audience | None = None
    at: int | None = None
    rehearsal: bool | None = None
    show_winners: bool | None = None


async def write_edit(
    stores: Stores, drop_id: str, room: str, changes: DropChanges, now: int
) -> None:
    """Change the drop in one transaction. Abort: as for a new drop, wrong_state, instructor_stopped."""
    async with stores.ledger.begin() as conn:
        abort_if(await instructor_refusal(conn, stores.actor, now))
        row = await _find_prepared(conn, drop_id, room)
        form = _changed_form(row, changes)
        if broken := drop_rules.violations(form):
            raise Abort(refused(broken))
        abort_if(drop_rules.timing_refusal(form, now))
        batch = await batches.find(conn, row.batch_id)
        abort_if(drop_rules.batch_refusal(batch, room))
        await drops.replace_prepared(conn, _changed_row(row, form))
        if changes.at is not None:
            await _write_clock(conn, drop_id, room, changes.at, now)
        await acts.write_act(conn, stores.actor, Action.DROP_EDITED, drop_id, now, room=room)


async def write_removal(stores: Stores, drop_id: str, room: str, now: int) -> None:
    """Delete the drop and its cue. Abort: not_found, wrong_state."""
    async with stores.ledger.begin() as conn:
        row = await _find_prepared(conn, drop_id, room)
        await cues.remove(conn, [drop_id])
        await drops.remove_prepared(conn, drop_id)
        await acts.write_act(
            conn,
            stores.actor,
            Action.DROP_REMOVED,
            drop_id,
            now,
            room=room,
            quantity=row.quantity,
        )


async def _find_prepared(conn: AsyncConnection, drop_id: str, room: str) -> DropRow:
    row = await find_in_room_for_update(conn, drop_id, room)
    if row.state is not DropState.PREPARED:
        raise Abort(Refused(Code.WRONG_STATE, f"the drop is {row.state}, and not prepared"))
    return row


async def _write_clock(conn: AsyncConnection, drop_id: str, room: str, at: int, now: int) -> None:
    await cues.remove(conn, [drop_id])
    if at:
        await cues.append(conn, drop_id, room, Cue(_CLOCK, at), now)


def _changed_form(row: DropRow, changes: DropChanges) -> DropForm:
    end = changes.end or row.end
    return DropForm(
        batch_id=row.batch_id,
        quantity=_or(changes.quantity, row.quantity),
        duration_seconds=end.seconds,
        message=row.message if changes.message is None else changes.message,
        start=Start.PREPARED,
        opens_in_seconds=_or(changes.opens_in_seconds, row.opens_in_seconds),
        audience=changes.audience or row.audience,
        mode=row.mode,
        task=row.task,
        metadata=row.metadata,
        ends=end,
        at=changes.at or None,
        rehearsal=_flag(changes.rehearsal, row.rehearsal),
        show_winners=_flag(changes.show_winners, row.show_winners),
    )


def _or(changed: int | None, old: int) -> int:
    return old if changed is None else changed


def _flag(changed: bool | None, old: bool) -> bool:
    return old if changed is None else changed


def _changed_row(row: DropRow, form: DropForm) -> DropRow:
    return replace(
        row,
        quantity=form.quantity,
        duration_seconds=form.end.seconds,
        message=form.message,
        opens_in_seconds=form.opens_in_seconds,
        audience=form.audience,
        ends=form.end.by,
        ends_at=form.end.at,
        rehearsal=form.rehearsal,
        show_winners=form.show_winners,
    )
