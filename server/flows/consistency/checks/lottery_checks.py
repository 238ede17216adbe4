"""Check lotteries: what was won, the numbers of spins, and that each winner has a coupon (promise I10).

Called by doctor.py.
"""

from dataclasses import replace
from typing import Final

from server.core.lotteries.draw import number_of
from server.core.students.erasure import is_pseudonym
from server.flows.consistency.findings import PERSON, Finding, FindingKind
from server.ledger.consistency import lottery_audit
from server.ledger.engine import Ledger

UNDER_WAY_MS: Final = 600_000  # a worker finishes a spin within seconds
_NAMED: Final = 20  # of each kind of fault
_RECOMPUTED: Final = 5_000  # the newest spins: 15 ms


async def check_lotteries(ledger: Ledger, now: int) -> list[Finding]:
    """Return what does not add up in lotteries."""
    async with ledger.read() as conn:
        prizes = await lottery_audit.mismatched_prizes(conn)
        missing = await lottery_audit.wins_without_coupon(conn, _NAMED)
        gaps = await lottery_audit.students_with_gaps(conn, _NAMED)
        waiting = await lottery_audit.left_under_way(conn, now - UNDER_WAY_MS, _NAMED)
        newest = await lottery_audit.newest_spins(conn, _RECOMPUTED)
    found = [
        _finding(
            one.lottery_id,
            f"prize {one.place} of lottery {one.lottery_id} says that it was won {one.won} times; "
            f"{one.spins} spins have won it, and {one.on_days} on its days",
        )
        for one in prizes
    ]
    found += [
        _finding(of, f"spin {spin} has won a coupon that is not there") for of, spin in missing
    ]
    found += [
        replace(
            _finding(of, f"the spins of {student} in lottery {of} are not numbered 1, 2, 3, …"),
            student=student,
        )
        for of, student in gaps
    ]
    found += [_finding(of, f"spin {spin} has no outcome for 10 minutes") for of, spin in waiting]
    return [*found, *_recomputed(newest)]


def _recomputed(spins: list[lottery_audit.DrawnSpin]) -> list[Finding]:
    """Return the spins whose number does not follow from the seed of their day. An erased student's do not,
    because they were drawn for another name.
    """
    return [
        _finding(one.lottery_id, f"spin {one.id} has a number that its seed does not give")
        for one in spins
        if not is_pseudonym(one.student)
        and number_of(one.seed, one.lottery_id, one.student, one.n) != one.number
    ][:_NAMED]


def _finding(lottery_id: str, what: str) -> Finding:
    return Finding(FindingKind.LOTTERY_DIFFERS, what, PERSON, lottery=lottery_id)
