"""`python -m tests.benchmarks.triggers [sqlite] [postgresql]`: from a student's event to the coupon.

500 events a second for 10 s, each of another student and each firing a trigger, with one whole worker in this
process, which also tells of the events. Until the transaction of the coupon is committed: from then on it is
in the wallet. CPU time says on a busy machine what the delays do not. The figure of decision 0053.
"""

import asyncio
import logging
import sys
import tempfile
from datetime import UTC
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

import structlog
import uvloop
from sqlalchemy import func, select

from server.core.audiences.student_events import StudentEvent
from server.flows.audiences.student_events import accept_events
from server.flows.coupons.issuing import drive_issuances
from server.flows.coupons.issuing.prepare_piece import PreparedPiece
from server.ledger import tables
from tests.benchmarks.rigs import a_rig
from tests.support.builders.classroom import now_ms
from tests.support.builders.triggers import active_trigger
from tests.support.eventually import eventually
from tests.support.faults.interruptions import interpose
from tests.support.worker_rig import WorkerRig, at_work

_SECONDS: Final = 10
_PER_SECOND: Final = 500
_AT_ONCE: Final = 50  # events of one call of the school
_GIVE_UP_S: Final = 120.0
_EVENTS: Final = _SECONDS * _PER_SECOND


async def _measure(rig: WorkerRig) -> str:
    issued_at = _watched()
    batch = await rig.classroom.made_batch(quantity=2 * _EVENTS)
    await active_trigger(rig.ledger, batch_id=batch.id)
    async with at_work(rig):
        cpu = process_time()
        sent = await _tell(rig)

        async def all_issued() -> bool:
            async with rig.ledger.read() as conn:
                of_trigger = tables.issuances.c.source == "trigger"
                query = select(func.sum(tables.issuances.c.issued)).where(of_trigger)
                issued: int | None = await conn.scalar(query)
            return issued == _EVENTS

        await eventually(all_issued, _GIVE_UP_S)
        cpu = process_time() - cpu
    of = select(tables.coupons.c.student, tables.coupons.c.issuance_id)
    async with rig.ledger.read() as conn:
        given = [*await conn.execute(of.where(tables.coupons.c.source == "trigger"))]
    waits = sorted(issued_at[issuance] - sent[student] for student, issuance in given)
    said = ", ".join(f"p{at} {waits[len(waits) * at // 100]:.2f}" for at in (50, 99))
    return f"{said} s; {len(issued_at)} issuances, {cpu / _SECONDS:.2f} CPU-s each second"


def _watched() -> dict[str, float]:
    """Note when the coupons of each issuance were committed, from now on."""
    found: dict[str, float] = {}

    def note(_ledger: object, _desk: object, prepared: PreparedPiece) -> None:
        found[prepared.piece.issuance.id] = perf_counter()

    interpose(drive_issuances, "issue_piece", after=note)
    return found


async def _tell(rig: WorkerRig) -> dict[str, float]:
    sent: dict[str, float] = {}
    begun = perf_counter()
    for start in range(0, _EVENTS, _AT_ONCE):
        await asyncio.sleep(max(0.0, begun + start / _PER_SECOND - perf_counter()))  # noqa: TID251
        students = [f"s{number:06}" for number in range(start, start + _AT_ONCE)]
        sent |= dict.fromkeys(students, perf_counter())
        events = [StudentEvent(f"e-{one}", "lesson_finished", one, now_ms()) for one in students]
        await accept_events(rig.ledger, events, UTC, now_ms())
    return sent


async def _run(kind: str, folder: Path) -> str:
    async with a_rig(kind, folder) as rig:
        return f"{kind}: {await _measure(rig)}"


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for kind in sys.argv[1:] or ("sqlite", "postgresql"):
        # On a disk, which /tmp may not be.
        with (
            tempfile.TemporaryDirectory(dir="/var/tmp") as folder,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            print(runner.run(_run(kind, Path(folder))))


if __name__ == "__main__":
    main()
