"""Queue the spins that a process is asked for, and draw them in groups: one transaction for up to 500.

Made by the composition root of a web process, called by the API. A burst of spins of one lottery would
otherwise be as many transactions that wait for the lottery's row. While the winners of one group get their
coupons, the next group is drawn.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from server.core.lotteries.spins import Spin
from server.core.refusals import Code, Refused
from server.flows.coupons.issuing.drive_issuances import IssueParts
from server.flows.lotteries.draw_spins import Drawn, SpinRequest, draw
from server.flows.lotteries.settle_spins import give
from server.ledger.lotteries import spins

AT_ONCE: Final = 500  # spins of a transaction: 40 ms of the database
# Between looks whether another process has given a coupon: it takes 50 ms, or seconds if that process died.
_LOOKS_S: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
MAX_WAITING: Final = 20_000  # of a lottery, in one process; further ones are refused


@dataclass(frozen=True, slots=True)
class _Waiting:
    request: SpinRequest
    answer: asyncio.Future[Spin | Refused]

    def tell(self, answer: Spin | Refused) -> None:
        """Answer, unless whoever asked is gone."""
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class SpinQueue:
    """The spins of one process. A lottery's task lives as long as there are spins of it."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[_Waiting]] = {}
        self._tasks = set[asyncio.Task[None]]()

    async def spin(
        self, parts: IssueParts, lottery_id: str, request: SpinRequest
    ) -> Spin | Refused:
        """Return the spin with its outcome. Refuses with not_found; unavailable where too many wait.

        LedgerUnavailableError, DeskUnavailableError: the same request has to be sent again.
        """
        waiting = self._waiting.get(lottery_id)
        if waiting is not None and len(waiting) >= MAX_WAITING:
            return Refused(Code.UNAVAILABLE, facts={"retry_after_s": 1})
        one = _Waiting(request, asyncio.get_running_loop().create_future())
        if waiting is None:
            self._waiting[lottery_id] = deque([one])
            self._start(parts, lottery_id)
        else:
            waiting.append(one)
        found = await one.answer
        if isinstance(found, Refused) or found.outcome is not None:
            return found
        return await _outcome_elsewhere(parts, found.id)

    def _start(self, parts: IssueParts, lottery_id: str) -> None:
        task = asyncio.create_task(self._run(parts, lottery_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait until all that was asked for is answered."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, parts: IssueParts, lottery_id: str) -> None:
        waiting, giving = self._waiting[lottery_id], set[asyncio.Task[None]]()
        try:
            # The requests that arrived with the first one in this turn of the loop come along.
            await asyncio.sleep(0)
            while waiting:
                group = [waiting.popleft() for _ in range(min(AT_ONCE, len(waiting)))]
                drawn = await _drawn(parts, lottery_id, group)
                if giving:
                    await asyncio.wait(giving)
                if drawn is not None:
                    giving = {asyncio.create_task(_give(parts, lottery_id, group, drawn))}
                if giving and not waiting:
                    await asyncio.wait(giving)
        except asyncio.CancelledError:
            for one in waiting:
                one.answer.cancel()
            raise
        finally:
            del self._waiting[lottery_id]


async def _drawn(parts: IssueParts, lottery_id: str, group: Sequence[_Waiting]) -> Drawn | None:
    """Draw the group, and answer those who have won nothing; None: nothing is left to give."""
    try:
        drawn = await draw(parts, lottery_id, [one.request for one in group])
    except Exception as error:
        for one in group:
            one.fail(error)
        return None
    for one in group:
        if drawn is None:
            one.tell(Refused(Code.NOT_FOUND))
            continue
        spin = drawn.spins[one.request.student, one.request.request_id]
        if spin.outcome is not None:
            one.tell(spin)
    return drawn if any(not one.answer.done() for one in group) else None


async def _give(
    parts: IssueParts, lottery_id: str, group: Sequence[_Waiting], drawn: Drawn
) -> None:
    """Give what was won, and answer the winners; with a spin without outcome where its coupon is on the way
    by another process.
    """
    try:
        await give(parts, lottery_id, drawn.winnings)
        ids = {
            one.request: drawn.spins[one.request.student, one.request.request_id].id
            for one in group
            if not one.answer.done()
        }
        async with parts.ledger.read() as conn:
            found = await spins.find_by_ids(conn, list(ids.values()))
    except Exception as error:
        for one in group:
            one.fail(error)
        return
    for one in group:
        if not one.answer.done():
            one.tell(found[ids[one.request]])


async def _outcome_elsewhere(parts: IssueParts, spin_id: str) -> Spin | Refused:
    """Wait a little for a spin whose coupon another process gives; unavailable where that takes longer."""
    for wait_s in _LOOKS_S:
        await asyncio.sleep(wait_s)
        async with parts.ledger.read() as conn:
            found = (await spins.find_by_ids(conn, [spin_id]))[spin_id]
        if found.outcome is not None:
            return found
    return Refused(Code.UNAVAILABLE, "the coupon is on its way", {"retry_after_s": 1})
