"""`python -m tests.benchmarks.pauses [sqlite] [postgresql]`: how fast a batch pauses itself.

One whole worker works in this process. Prints the time from the win that was one too many for the batch's
plan to the first tap that is refused, for ten batches, and how many units went out meanwhile at 100 taps a
second. At most 2 s is promised (flows/access/pause_fast_batches.py).
"""

import asyncio
import sys
from time import perf_counter
from typing import Final

from server.core.drops.claims import Outcome
from tests.benchmarks.rigs import print_rounds
from tests.support.worker_rig import WorkerRig, at_work

_BATCHES: Final = 10
_UNITS: Final = 1_000
_PLANNED: Final = 3
_BETWEEN_TAPS_S: Final = 0.01
_GIVE_UP_S: Final = 8.0  # fewer taps than there are units


async def _measure(rig: WorkerRig) -> str:
    async with at_work(rig):
        paused = [await _pause(rig) for _ in range(_BATCHES)]
    seconds = sorted(took for took, _ in paused)
    most = max(more for _, more in paused)
    return f"median {seconds[_BATCHES // 2]:.2f} s, longest {seconds[-1]:.2f} s, at most {most} units more"


async def _pause(rig: WorkerRig) -> tuple[float, int]:
    """Return the seconds to the first refused tap, and the units that went out beyond the plan."""
    rooms = rig.classroom
    batch = await rooms.made_batch(quantity=_UNITS, max_per_minute=_PLANNED)
    drop = await rooms.opened(batch, quantity=_UNITS)
    for number in range(_PLANNED + 1):
        assert await rooms.tap(drop.id, f"s{number}") is Outcome.WON
    begun, more = perf_counter(), 1
    while await rooms.tap(drop.id, f"s{_PLANNED + more}") is Outcome.WON:
        assert perf_counter() - begun < _GIVE_UP_S, "the batch did not pause"
        more += 1
        await asyncio.sleep(_BETWEEN_TAPS_S)  # noqa: TID251 - a benchmark takes time
    return perf_counter() - begun, more


if __name__ == "__main__":
    print_rounds(_measure, sys.argv[1:])
