"""`python -m tests.benchmarks.holds_at_once [sqlite] [postgresql]`: thousands of holds end at one instant.

Prints how long until all their units are free and all their students told, and how long claims of another
room wait for their confirmation meanwhile, with one worker. The figure of decision 0013.
"""

import asyncio
import logging
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import structlog
from sqlalchemy import update

from server.core.drops.drop_rules import DropForm
from server.flows.drops.views.drop_view import DropView
from server.ledger import tables
from server.ledger.engine import Ledger
from tests.benchmarks.rigs import a_rig
from tests.support.builders.classroom import granted, now_ms
from tests.support.eventually import eventually
from tests.support.worker_rig import WorkerRig, at_work, everybody, is_confirmed, listening

_HOLDS = (2_000, 5_000)
_TAPPERS = 4
_TAPS_AT_ONCE = 100
_GIVE_UP_S = 120.0
_WARM_UP = 30  # claims of the other room before it begins


@dataclass(slots=True)
class OtherRoom:
    """Students who tap one after the other, each when the one before is confirmed."""

    rig: WorkerRig
    drop: DropView
    waits: list[float] = field(default_factory=list)

    async def tap_on(self, number: int) -> None:
        for count in range(1_000_000):
            student, begun = f"x{number}-{count}", perf_counter()
            await self.rig.classroom.won(self.drop.id, student)
            await eventually(self._has(student), _GIVE_UP_S)
            self.waits.append(perf_counter() - begun)

    def _has(self, student: str) -> Callable[[], Awaitable[bool]]:
        return lambda: is_confirmed(self.rig, self.drop.id, student)

    def said(self) -> str:
        waits = sorted(self.waits)
        return f"median {waits[len(waits) // 2] * 1e3:.0f} ms, worst {waits[-1] * 1e3:.0f} ms"


async def _measure(rig: WorkerRig, holds: int) -> str:
    rooms = rig.classroom
    batch = await rooms.made_batch(quantity=holds, hold_seconds=3_600)
    drop = await rooms.opened(batch, quantity=holds, duration_seconds=600)
    # Each looks its drop up in the ledger, which lets four look at a time and none wait for long.
    students = everybody(holds)
    for start in range(0, holds, _TAPS_AT_ONCE):
        some = students[start : start + _TAPS_AT_ONCE]
        await asyncio.gather(*(rooms.tap(drop.id, student) for student in some))
    await rig.confirm(drop.id)
    form = DropForm((await rooms.made_batch(quantity=10_000)).id, 10_000, 600)
    second = granted(await rooms.drops.create("other", form, None, now_ms()))
    other = OtherRoom(rig.another("wrk_other"), second)
    async with at_work(rig), listening(rig.desk) as listener:
        tappers = [asyncio.create_task(other.tap_on(number)) for number in range(_TAPPERS)]
        await eventually(lambda: len(other.waits) >= _WARM_UP, _GIVE_UP_S)
        before = other.said()
        other.waits.clear()
        await _end(rig.ledger, drop.id)
        begun, told = perf_counter(), 0
        while told < holds:
            told += len(await listener.next("lost"))
        took = perf_counter() - begun
        row = await rooms.row(drop.id)
        counts = await rig.desk.drops.counts(row.shard, drop.id)
        assert counts is not None
        assert counts.claimed == 0
        for tapper in tappers:
            tapper.cancel()
        await asyncio.gather(*tappers, return_exceptions=True)
    return (
        f"{holds} holds: all free and told after {took:.1f} s; another room meanwhile: "
        f"{other.said()} (before: {before})"
    )


async def _end(ledger: Ledger, drop_id: str) -> None:
    of_drop = tables.coupons.c.drop_id == drop_id
    async with ledger.begin() as conn:
        await conn.execute(update(tables.coupons).where(of_drop).values(hold_until=now_ms()))


async def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for kind in sys.argv[1:] or ("sqlite", "postgresql"):
        for holds in _HOLDS:
            with tempfile.TemporaryDirectory(prefix="cdf-") as folder:
                async with a_rig(kind, Path(folder)) as rig:
                    print(kind, await _measure(rig, holds), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
