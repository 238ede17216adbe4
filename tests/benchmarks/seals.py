"""`python -m tests.benchmarks.seals [sqlite] [postgresql]`: 10,000 claims of a drop that closes are sealed.

Prints the time from the close that was asked for to the seal in the ledger and in the room, with a worker's
look twice a second left out, and then that of 1,000 receipts of students with a process's cold memory.
The figures of decision 0058; at most 2 s is asked for.
"""

import asyncio
import sys
from time import perf_counter

from client_sdk.python.receipts import verify_receipt
from server.flows.drops.seal_drops import seal_drops
from server.flows.drops.views import receipts
from tests.benchmarks.rigs import print_rounds
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.worker_rig import WorkerRig, everybody

_CLAIMS = 10_000
_TAPS_AT_ONCE = 100
_ASKED = 1_000


async def _measure(rig: WorkerRig) -> str:
    rooms = rig.classroom
    batch = await rooms.made_batch(quantity=_CLAIMS)
    drop = await rooms.opened(batch, quantity=_CLAIMS, duration_seconds=600)
    students = everybody(_CLAIMS)
    for start in range(0, _CLAIMS, _TAPS_AT_ONCE):
        some = students[start : start + _TAPS_AT_ONCE]
        await asyncio.gather(*(rooms.tap(drop.id, student) for student in some))
    await rig.confirm(drop.id)
    begun = perf_counter()
    granted(await rooms.drops.close(drop.id, ROOM, now_ms()))
    closed = perf_counter()
    assert await seal_drops(rooms.stores, now_ms()) == 1
    sealed = perf_counter()
    asked = await _receipts(rig, drop.id, students[:_ASKED])
    return (
        f"close {closed - begun:.2f} s, seal {sealed - closed:.2f} s: {_CLAIMS:,} claims sealed "
        f"{sealed - begun:.2f} s after the close was asked for; {_ASKED:,} receipts in {asked:.2f} s"
    )


async def _receipts(rig: WorkerRig, drop_id: str, students: list[str]) -> float:
    begun, kept, documents = perf_counter(), receipts.Receipts(), list[dict[str, object]]()
    for student in students:
        sealed = await kept.find(rig.ledger, drop_id)
        assert sealed is not None
        own = await receipts.own(rig.ledger, sealed, student)
        documents.append({**receipts.document(sealed), "own": own})
    took = perf_counter() - begun
    assert all(verify_receipt(one) is None for one in documents)
    return took


if __name__ == "__main__":
    print_rounds(_measure, sys.argv[1:])
