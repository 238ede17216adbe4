"""Show a draw: its proof document for everybody of the room, and a student's own entry.

Called by the API. A draw that has ended does not change any more, so its document is made once and kept: that
of 100,000 entries takes a second and has 7 MB.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from server.core.draws.entries import Entry
from server.core.drops.draw_cards import DrawPhase
from server.core.drops.drops import CloseReason, DropState, state_at
from server.core.refusals import Code, Refused
from server.flows.draws.drive_draws import order_of_draw
from server.flows.stores import Stores
from server.ledger.draws import entries
from server.ledger.drops import claims, drops
from server.ledger.drops.draws import DrawRow
from server.ledger.drops.drop_row import DropRow
from server.ledger.engine import Ledger
from server.single_flight import SingleFlight

_KEPT_BYTES: Final = 64 * 1024 * 1024  # of documents, in each process


class DrawDocuments:
    """The proof documents of draws, as JSON. Those that change no more are kept, the last ones used."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._making: SingleFlight[tuple[str, str], bytes] = SingleFlight()

    async def document(self, ledger: Ledger, row: DropRow, now: int) -> bytes:
        """Return the document of a draw. LedgerUnavailableError is passed on."""
        draw = row.draw
        assert draw is not None
        state = state_of(row, now)
        if draw.phase is DrawPhase.OPEN:
            return orjson.dumps(_document(row.id, draw, state, (), ()))
        key = (row.id, f"{draw.phase} {state}")
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        made = await self._making.run(key, lambda: _make(ledger, row.id, draw, state))
        self._keep(key, made)
        return made

    def _keep(self, key: tuple[str, str], made: bytes) -> None:
        self._kept[key] = made
        while sum(map(len, self._kept.values())) > _KEPT_BYTES:
            self._kept.popitem(last=False)


async def _make(ledger: Ledger, drop_id: str, draw: DrawRow, state: DropState) -> bytes:
    async with ledger.read() as conn:
        leaves = await entries.leaves(conn, drop_id)
    order = await order_of_draw(draw) if draw.drawn_at is not None else []
    fields = _document(drop_id, draw, state, leaves, order[: draw.winners])
    return await asyncio.to_thread(orjson.dumps, fields)


def _document(
    drop_id: str,
    draw: DrawRow,
    state: DropState,
    leaves: Sequence[str],
    winners: Sequence[int],
) -> dict[str, Any]:
    """Return the fields of the contract; what is not known, or secret, yet is null, and a list empty."""
    card = draw.card
    fields: dict[str, Any] = {
        "drop_id": drop_id,
        "state": state,
        "commitment": card.commitment,
        "seed": card.seed,
        "root": card.root,
        "count": card.entries,
        "units": draw.units,
        "leaves": leaves,
        "winners": winners,
    }
    if draw.aborted_at is not None:
        fields["abort_reason"] = draw.abort_reason
    return fields


def state_of(row: DropRow, now: int) -> DropState:
    """Return the public state of a draw, from the ledger alone."""
    if row.state is DropState.CLOSED:
        is_aborted = row.close_reason is CloseReason.ABORTED
        return DropState.ABORTED if is_aborted else DropState.CLOSED
    if row.window is None:
        return DropState.PREPARED if row.state is DropState.PREPARED else DropState.SCHEDULED
    state = state_at(now, row.window.opens_at, row.window.closes_at, 1)
    return DropState.DRAWING if row.is_drawing or state is DropState.CLOSED else state


async def find_draw(ledger: Ledger, drop_id: str) -> DropRow | None:
    """Return the drop; None where there is no such drop, or it is no draw."""
    async with ledger.read() as conn:
        row = await drops.find(conn, drop_id)
    return row if row is not None and row.draw is not None else None


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """A student's entry: the receipt, and what has become of it: `entered`, `won` or `not_drawn`."""

    receipt: dict[str, object]
    result: str


async def own_entry(stores: Stores, row: DropRow, student: str, now: int) -> OwnEntry | Refused:
    """Return the student's entry in this draw; not_found where they have none.

    An entry that was answered just now is on the desk alone until a worker has taken it.
    DeskUnavailableError: it is not known whether there is one.
    """
    async with stores.ledger.read() as conn:
        stored = await entries.of_student(conn, row.id, student)
        claim = await claims.of_student(conn, row.id, student)
    entry = stored.entry if stored is not None else await _on_its_way(stores, row, student)
    if entry is None:
        return Refused(Code.NOT_FOUND)
    is_over = state_of(row, now) in (DropState.CLOSED, DropState.ABORTED)
    result = "won" if claim is not None else "not_drawn" if is_over else "entered"
    return OwnEntry(entry.receipt(row.id), result)


async def _on_its_way(stores: Stores, row: DropRow, student: str) -> Entry | None:
    if row.state is not DropState.OPEN:
        return None  # the ledger has all entries
    return await stores.desk.draws.entry_of(row.shard, row.id, student)
