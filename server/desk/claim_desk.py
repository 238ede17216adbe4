"""Decides who is first: collects the taps of one turn of the event loop and sends them in one script call.

Called by the gateway (`submit`: no task and no future for each tap) and by the API (`claim`). One awaited
call for each tap made 5,600 claims a second; one call for many makes 130,000 and more. Knows nothing of rooms
or sockets, so that links and QR codes can use the same desk.

Queue: at most MAX_WAITING taps for each shard. A tap beyond that is answered `retry` at once.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from time import perf_counter

from redis.asyncio import Redis

from server.core.drops.claims import ClaimState, Outcome
from server.core.ids import BatchId, DropId, StudentId
from server.desk import DeskUnavailableError, claim_record
from server.desk.claim_record import HeldClaim
from server.desk.keys import ShardKeys
from server.desk.scripts.loader import Scripts
from server.ids import new_claim_stem

MAX_TAPS_A_CALL = 500  # the script blocks Redis for about 3 ms
MAX_CALLS_UNDER_WAY = 2  # for each shard: one travels while the other is executed
MAX_WAITING = 20_000
RETRY_AFTER_MS = 500

# The numbers of REFUSED in claim.lua.
_REFUSED = {
    1: Outcome.SOLD_OUT,
    2: Outcome.CLOSED,
    3: Outcome.NOT_OPEN,
    4: Outcome.LIMIT_REACHED,
    5: Outcome.CLOSED,  # not on the desk (any more)
    6: Outcome.RELEASED,
    7: Outcome.LIMIT_REACHED,
}
_LIMITS = {4: "batch", 7: "campaign"}


@dataclass(frozen=True, slots=True)
class ClaimAnswer:
    """The desk's reply to one tap.

    `held` is the claim that the student has: just won, won before by the same request, or the reason for
    already_won. `limit` names the cap that is used up (CapName).
    """

    outcome: Outcome
    held: HeldClaim | None = None
    retry_after_ms: int | None = None
    limit: str | None = None


class Tap(ABC):
    """One claim request in the queue. A subclass says what happens with the answer.

    A class with slots and not a dataclass: ten thousand are made in one moment. `campaign_id` is that of the
    batch, None where it has none.
    """

    __slots__ = ("batch_id", "campaign_id", "drop_id", "request_id", "shard", "student")

    def __init__(
        self,
        *,
        shard: int,
        drop_id: DropId,
        batch_id: BatchId,
        student: StudentId,
        request_id: str,
        campaign_id: str | None = None,
    ) -> None:
        self.shard = shard
        self.drop_id = drop_id
        self.batch_id = batch_id
        self.student = student
        self.request_id = request_id
        self.campaign_id = campaign_id

    @abstractmethod
    def answered(self, answer: ClaimAnswer) -> None:
        """Take the answer. Called once, from the event loop; must not raise and must not wait."""


class _AwaitedTap(Tap):
    __slots__ = ("answer",)
    answer: asyncio.Future[ClaimAnswer]

    def answered(self, answer: ClaimAnswer) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)


RETRY = ClaimAnswer(Outcome.RETRY, retry_after_ms=RETRY_AFTER_MS)
_ANSWERS = {
    code: ClaimAnswer(outcome, limit=_LIMITS.get(code)) for code, outcome in _REFUSED.items()
}
_by_drop = attrgetter("drop_id")
OnCall = Callable[[int, float], None]


class ClaimDesk:
    """The queues of all shards. `on_call(taps, seconds)` is called after every script call, for metrics."""

    def __init__(self, redis: Redis, prefix: str, on_call: OnCall | None = None) -> None:
        self._scripts = Scripts(redis)
        self._prefix = prefix
        self._on_call = on_call or (lambda _taps, _seconds: None)
        self._shards: dict[int, _ShardQueue] = {}
        self._calls: set[asyncio.Task[None]] = set()

    def submit(self, tap: Tap) -> None:
        """Queue the tap; it is sent with all other taps of this turn of the event loop.

        The answer comes through `tap.answered`: at once with `retry` if the queue of the shard is full.
        """
        queue = self._shards.get(tap.shard)
        if queue is None:
            queue = self._shards[tap.shard] = _ShardQueue()
        if len(queue.waiting) >= MAX_WAITING:
            tap.answered(RETRY)
            return
        queue.waiting.append(tap)
        if not queue.is_scheduled:
            queue.is_scheduled = True
            asyncio.get_running_loop().call_soon(self._send_waiting, tap.shard)

    async def claim(
        self,
        *,
        shard: int,
        drop_id: DropId,
        batch_id: BatchId,
        student: StudentId,
        request_id: str,
        campaign_id: str | None = None,
    ) -> ClaimAnswer:
        """Send one claim and return its answer; `retry` where the desk is unavailable (never raises)."""
        tap = _AwaitedTap(
            shard=shard,
            drop_id=drop_id,
            batch_id=batch_id,
            student=student,
            request_id=request_id,
            campaign_id=campaign_id,
        )
        tap.answer = asyncio.get_running_loop().create_future()
        self.submit(tap)
        return await tap.answer

    async def close(self) -> None:
        """Wait until all calls under way are answered."""
        while self._calls:
            await asyncio.wait(self._calls)

    def _send_waiting(self, shard: int) -> None:
        queue = self._shards[shard]
        queue.is_scheduled = False
        while queue.waiting and queue.under_way < MAX_CALLS_UNDER_WAY:
            taps = queue.waiting[:MAX_TAPS_A_CALL]
            del queue.waiting[:MAX_TAPS_A_CALL]
            queue.under_way += 1
            call = asyncio.create_task(self._call(shard, taps))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _call(self, shard: int, taps: list[Tap]) -> None:
        taps.sort(key=_by_drop)  # stable: within a drop they keep the order they came in
        begun = perf_counter()
        sent = len(taps)
        try:
            answers = await self._run(shard, taps)
        except DeskUnavailableError:
            answers = [RETRY] * len(taps)
        finally:
            self._shards[shard].under_way -= 1
        self._on_call(sent, perf_counter() - begun)
        for tap, answer in zip(taps, answers, strict=True):
            tap.answered(answer)
        self._send_waiting(shard)

    async def _run(self, shard: int, taps: list[Tap]) -> list[ClaimAnswer]:
        """Run the script and return an answer for each of `taps`. A subclass may answer some taps by itself;
        it takes these off the list.
        """
        keys, args = self._arguments(shard, taps)
        return [parse_reply(reply) for reply in await self._scripts.run("claim", keys, args)]

    def _arguments(self, shard: int, taps: list[Tap]) -> tuple[list[str], list[str]]:
        """Return KEYS and ARGV of claim.lua.

        All taps of a drop are one argument, because redis-py takes about a microsecond for each argument.
        """
        names = ShardKeys(self._prefix, shard)
        keys = [names.fence, names.outbox, names.stops]
        args = [new_claim_stem()]
        for drop_id, group in groupby(taps, key=_by_drop):
            of_drop = list(group)
            keys += (
                names.drop(drop_id),
                names.holders(drop_id),
                names.free(drop_id),
                names.caps(of_drop[0].batch_id),
                names.campaign_caps(of_drop[0].campaign_id or "none"),
            )
            args.append("\n".join([f"{tap.student}\n{tap.request_id}" for tap in of_drop]))
        return keys, args


@dataclass(slots=True)
class _ShardQueue:
    waiting: list[Tap] = field(default_factory=list)
    under_way: int = 0
    is_scheduled: bool = False


def parse_reply(reply: int | bytes) -> ClaimAnswer:
    """Parse one element of the reply of claim.lua."""
    if isinstance(reply, int):
        return _ANSWERS[reply]
    held = claim_record.parse(reply[1:])
    if reply.startswith(b"W"):
        return ClaimAnswer(Outcome.WON, held)
    return ClaimAnswer(Outcome.ALREADY_WON, held)


def is_confirmed(answer: ClaimAnswer) -> bool:
    return answer.held is not None and answer.held.state is ClaimState.CONFIRMED
