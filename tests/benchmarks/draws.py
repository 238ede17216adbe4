"""`python -m tests.benchmarks.draws [sqlite] [postgresql]`: 100,000 entries of a draw are drawn and told.

Prints the time from the close that was asked for to the winners' confirmations in the room, with a worker's
look four times a second left out; at most 5 s is asked for. The entries come at a hundred taps a call, as a
gateway sends them, and a worker takes them to the ledger meanwhile.
"""

import asyncio
import sys
from time import perf_counter

from server.core.ids import DropId, StudentId
from server.desk.claims.claim_desk import entering
from server.flows.draws.drive_draws import drive_draws
from server.flows.draws.take_entries import take_entries
from tests.benchmarks.rigs import print_rounds
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.worker_rig import WorkerRig, everybody

_ENTRIES = 100_000
_UNITS = 500
_TAPS_AT_ONCE = 100


async def _enter(rig: WorkerRig, drop_id: str) -> None:
    row = await rig.classroom.row(drop_id)
    students = everybody(_ENTRIES)
    for start in range(0, _ENTRIES, _TAPS_AT_ONCE):
        await asyncio.gather(
            *(
                rig.desk.claims.claim(
                    shard=row.shard,
                    drop_id=DropId(drop_id),
                    batch_id=row.batch_id,
                    student=StudentId(student),
                    request_id="r1",
                    entering=entering("ab" * 16),
                )
                for student in students[start : start + _TAPS_AT_ONCE]
            )
        )
        if start % 10_000 == 0:
            await take_entries(rig.stores, row)


async def _measure(rig: WorkerRig) -> str:
    batch = await rig.classroom.made_batch(quantity=_UNITS)
    drop = await rig.classroom.opened(batch, quantity=_UNITS, mode="draw", duration_seconds=3_600)
    begun = perf_counter()
    await _enter(rig, drop.id)
    entered = perf_counter()
    granted(await rig.classroom.drops.close(drop.id, ROOM, now_ms()))
    closed = perf_counter()
    await drive_draws(rig.stores, now_ms())
    drawn = perf_counter()
    await rig.confirm(drop.id)
    told = perf_counter()
    view = await rig.classroom.view(drop.id)
    assert (view.entries, view.confirmed) == (_ENTRIES, _UNITS)
    return (
        f"{_ENTRIES:,} entries in {entered - begun:.1f} s; close {closed - entered:.2f} s, seal and draw "
        f"{drawn - closed:.2f} s, {_UNITS} winners confirmed {told - drawn:.2f} s: drawn and told "
        f"{told - entered:.2f} s after the close was asked for"
    )


if __name__ == "__main__":
    print_rounds(_measure, sys.argv[1:])
