"""Races of draws, with their controls: an abort against the draw, and entries against the close.

An abort and a draw end in exactly one of the two; who was told `entered` is in the seal, and nobody else.
"""

import asyncio

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.claims import Outcome
from server.core.drops.draw_cards import DrawPhase
from server.core.refusals import Refused
from server.desk.feed.feed_messages import FeedKind
from server.flows.draws.abort_draw import abort_draw
from server.flows.draws.drive_draws import drive_draws
from server.ledger.draws import entries
from server.ledger.drops import draws
from server.ledger.tables import draws as draws_table
from tests.integration.draws.test_draws import draw_row, draw_with, enter
from tests.support.builders.classroom import ROOM, now_ms
from tests.support.faults.interruptions import interpose
from tests.support.worker_rig import WorkerRig, everybody

pytestmark = pytest.mark.asyncio

UNITS = 2
LANES, TAPS_EACH, BEFORE_THE_CLOSE = 20, 10, 60


class At:
    """Sets an event when the room is about to be told of the seal, or of the draw."""

    def __init__(self, rig: WorkerRig, kind: FeedKind | None) -> None:
        self.reached = asyncio.Event()
        if kind is None:
            self.reached.set()
        self.kind = kind
        interpose(rig.feed, "publish", before=self.tell)

    def tell(self, _: object, kind: object, __: object) -> None:
        if kind is self.kind:
            self.reached.set()


async def is_aborted(rig: WorkerRig, drop_id: str) -> bool:
    answer = await abort_draw(rig.stores, drop_id, ROOM, "a wrong price", now_ms())
    return not isinstance(answer, Refused)


@pytest.mark.parametrize("kind", [None, FeedKind.SEALED, FeedKind.DRAWN])
async def test_an_abort_and_the_draw_end_in_exactly_one_of_them(
    rig: WorkerRig, kind: FeedKind | None
) -> None:
    drop_id = await draw_with(rig, 4, UNITS)
    await rig.classroom.drops.close(drop_id, ROOM, now_ms())
    at, other = At(rig, kind), rig.another("wrk_2")

    async def abort() -> bool:
        await at.reached.wait()
        return await is_aborted(rig, drop_id)

    was_aborted, *_ = await asyncio.gather(
        abort(), drive_draws(rig.stores, now_ms()), drive_draws(other.stores, now_ms())
    )
    await drive_draws(rig.stores, now_ms())
    await rig.confirm(drop_id)
    draw, row = await draw_row(rig, drop_id), await rig.classroom.row(drop_id)
    winners = 0 if was_aborted else UNITS
    assert draw.phase is (DrawPhase.ABORTED if was_aborted else DrawPhase.DRAWN)
    assert (len(await rig.live(drop_id)), row.returned) == (winners, UNITS - winners)
    told = {one.kind for one in await rig.classroom.told()}
    assert (FeedKind.DRAWN in told) is not was_aborted


async def test_control_an_abort_that_does_not_look_aborts_what_the_room_was_told(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def careless(conn: AsyncConnection, drop_id: str, reason: str, now: int) -> bool:
        values = {"aborted_at": now, "abort_reason": reason, "drawn_at": None}
        its = draws_table.c.drop_id == drop_id
        await conn.execute(update(draws_table).where(its).values(values))
        return True

    monkeypatch.setattr(draws, "mark_aborted", careless)
    drop_id = await draw_with(rig, 4, UNITS)
    await rig.classroom.drops.close(drop_id, ROOM, now_ms())

    async def abort(_: object, kind: FeedKind, __: object) -> None:
        if kind is FeedKind.DRAWN:
            await is_aborted(rig, drop_id)

    interpose(rig.feed, "publish", after=abort)
    await drive_draws(rig.stores, now_ms())
    assert FeedKind.DRAWN in {one.kind for one in await rig.classroom.told()}
    assert (await draw_row(rig, drop_id)).phase is DrawPhase.ABORTED


class Rush:
    """Students who tap while their teacher ends the draw and workers take entries away."""

    def __init__(self, rig: WorkerRig, drop_id: str) -> None:
        self.rig, self.drop_id = rig, drop_id
        self.told: set[str] = set()
        self.is_time = asyncio.Event()
        self.is_closed = False

    async def run(self) -> None:
        lanes = [self.lane(number) for number in range(LANES)]
        await asyncio.gather(self.close(), self.drive(), *lanes)

    async def lane(self, number: int) -> None:
        for student in everybody(TAPS_EACH, start=1 + number * TAPS_EACH):
            if (await enter(self.rig, self.drop_id, student)).outcome is Outcome.ENTERED:
                self.told.add(student)
            if len(self.told) >= BEFORE_THE_CLOSE:
                self.is_time.set()

    async def close(self) -> None:
        await self.is_time.wait()
        await self.rig.classroom.drops.close(self.drop_id, ROOM, now_ms())
        self.is_closed = True

    async def drive(self) -> None:
        while not self.is_closed:
            await drive_draws(self.rig.stores, now_ms())

    async def entered(self) -> list[str]:
        async with self.rig.ledger.read() as conn:
            return [str(one) for one in await entries.students(conn, self.drop_id)]


async def test_who_was_told_entered_is_in_the_seal_and_nobody_else(rig: WorkerRig) -> None:
    rush = Rush(rig, await draw_with(rig, 0, UNITS))
    await rush.run()
    await drive_draws(rig.stores, now_ms())
    sealed = await rush.entered()
    draw = await draw_row(rig, rush.drop_id)
    assert draw.entries == len(sealed) == len(set(sealed))
    assert set(sealed) == rush.told
    assert len(rush.told) < LANES * TAPS_EACH, "the close came after all: there was no race"


async def test_control_a_seal_of_what_the_ledger_has_lacks_who_was_told(rig: WorkerRig) -> None:
    rush = Rush(rig, await draw_with(rig, 0, UNITS))
    early: list[set[str]] = []

    async def note(*_: object) -> None:
        early.append(set(await rush.entered()))

    interpose(rig.desk.drops, "close", before=note)
    await rush.run()
    assert early[0] < rush.told
