"""Decides who is first: collects the taps of one turn of the event loop and sends them in one script call.

Called by the gateway (`submit`: no task and no future for each tap) and by the API (`claim`). One awaited
call for each tap made 5,600 claims a second; one call for many makes 130,000 and more. Knows nothing of rooms
or sockets, so that links and QR codes can use the same desk.

Queue: at most MAX_WAITING taps for each shard. A tap beyond that is answered `retry` at once.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from time import perf_counter

import structlog
from redis.asyncio import Redis

from server.core.drops.claims import ClaimState, Outcome
from server.core.drops.why import Why
from server.core.ids import BatchId, DropId, StudentId
from server.desk import DeskUnavailableError
from server.desk.claims.claim_answers import ClaimAnswer, read_script_replies
from server.desk.keys import ShardKeys
from server.desk.scripts.loader import Scripts
from server.ids import new_claim_stem, new_client_random, new_pseudonym

_log = structlog.get_logger()
MAX_TAPS_A_CALL = 500  # the script blocks Redis for about 3 ms
MAX_CALLS_UNDER_WAY = 2  # for each shard: one travels while the other is executed
MAX_WAITING = 20_000
RETRY_AFTER_MS = 500
CLAIM, ENTER = "claim", "enter"  # the scripts: for taps, and for taps on draws


class Tap(ABC):
    """One claim request in the queue. A subclass says what happens with the answer.

    A class with slots and not a dataclass: ten thousand are made in one moment. `campaign_id` is that of the
    batch, None where it has none. `is_blocked`: the student wins nothing, but is told what they have.
    `person` and `device` are the hashes of the student's token. `number` is the tap's among those that the
    drop counts, 0 where it was not counted. `entering` is for a draw: a pseudonym and the client's random, as
    `|`-separated hexadecimal digits; the tap is then an entry.
    """

    __slots__ = (
        "batch_id",
        "campaign_id",
        "drop_id",
        "entering",
        "holders",
        "is_blocked",
        "number",
        "request_id",
        "shard",
        "student",
    )

    def __init__(  # noqa: PLR0913 - what a tap is, each named by the caller
        self,
        *,
        shard: int,
        drop_id: DropId,
        batch_id: BatchId,
        student: StudentId,
        request_id: str,
        campaign_id: str | None = None,
        is_blocked: bool = False,
        person: str | None = None,
        device: str | None = None,
        entering: str = "",
    ) -> None:
        self.shard = shard
        self.drop_id = drop_id
        self.batch_id = batch_id
        self.student = student
        self.request_id = request_id
        self.campaign_id = campaign_id
        self.is_blocked = is_blocked
        self.number = 0
        # As claim.lua reads them behind the request id.
        self.holders = f"|{person or ''}|{device or ''}" if person or device else ""
        self.entering = entering

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

    async def claim(  # noqa: PLR0913 - what a tap is, each named by the caller
        self,
        *,
        shard: int,
        drop_id: DropId,
        batch_id: BatchId,
        student: StudentId,
        request_id: str,
        campaign_id: str | None = None,
        is_blocked: bool = False,
        person: str | None = None,
        device: str | None = None,
        entering: str = "",
    ) -> ClaimAnswer:
        """Send one claim and return its answer; `retry` where the desk is unavailable (never raises)."""
        tap = _AwaitedTap(
            shard=shard,
            drop_id=drop_id,
            batch_id=batch_id,
            student=student,
            request_id=request_id,
            campaign_id=campaign_id,
            is_blocked=is_blocked,
            person=person,
            device=device,
            entering=entering,
        )
        tap.answer = asyncio.get_running_loop().create_future()
        self.submit(tap)
        answer = await tap.answer
        if answer.why is None or not tap.number:
            return answer
        return replace(answer, why=Why(answer.why.told(tap.number)))

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
        entries = [tap for tap in taps if tap.entering]
        if entries:
            taps = [tap for tap in taps if not tap.entering]
        try:
            for script, some in ((ENTER, entries), (CLAIM, taps)):
                if some:
                    await self._call_script(script, shard, some)
        finally:
            self._shards[shard].under_way -= 1
        self._send_waiting(shard)

    async def _call_script(self, script: str, shard: int, taps: list[Tap]) -> None:
        begun = perf_counter()
        sent = len(taps)
        try:
            answers = await self._run(script, shard, taps)
        except DeskUnavailableError:
            answers = [RETRY] * len(taps)
        except Exception:
            # The reply cannot be read: a fault of ours, or a record that somebody has changed. The taps get
            # an answer all the same, and those behind them are sent on.
            _log.exception("claim_call_failed", shard=shard, taps=len(taps))
            answers = [RETRY] * len(taps)
        self._on_call(sent, perf_counter() - begun)
        for tap, answer in zip(taps, answers, strict=True):
            tap.answered(answer)

    async def _run(self, script: str, shard: int, taps: list[Tap]) -> list[ClaimAnswer]:
        """Run the script and return an answer for each of `taps`. A subclass may answer some taps by itself;
        it takes these off the list.
        """
        keys, args = self._arguments(script, shard, taps)
        replies = await self._scripts.run(script, keys, args)
        return read_script_replies(script, taps, replies, args[0])

    def _arguments(self, script: str, shard: int, taps: list[Tap]) -> tuple[list[str], list[str]]:
        """Return KEYS and ARGV of claim.lua or enter.lua.

        All taps of a drop are one argument, because redis-py takes about a microsecond for each argument.
        """
        names = ShardKeys(self._prefix, shard)
        is_draw = script == ENTER
        keys = [names.fence, names.stops] if is_draw else [names.fence, names.outbox, names.stops]
        args = [new_claim_stem()]
        for drop_id, group in groupby(taps, key=_by_drop):
            of_drop = list(group)
            keys += (names.drop(drop_id), names.holders(drop_id))
            if is_draw:
                keys += (names.entrants(drop_id), names.entries(drop_id))
            else:
                keys.append(names.free(drop_id))
            keys += (
                names.caps(of_drop[0].batch_id),
                names.campaign_caps(of_drop[0].campaign_id or "none"),
            )
            if not is_draw:
                keys.append(names.passed(drop_id))
            lines = [
                f"{tap.student}\n{'!' if tap.is_blocked else ''}{tap.request_id}{tap.holders}"
                for tap in of_drop
            ]
            if is_draw:
                lines = [
                    f"{line}{'' if tap.holders else '||'}|{tap.entering}"
                    for line, tap in zip(lines, of_drop, strict=True)
                ]
            args.append("\n".join(lines))
        return keys, args


def entering(client_random: str) -> str:
    """Return `entering` of a tap on a draw: a new pseudonym, and the client's random digits or, where it sent
    none, new ones."""
    return f"{new_pseudonym()}|{client_random or new_client_random()}"


@dataclass(slots=True)
class _ShardQueue:
    waiting: list[Tap] = field(default_factory=list)
    under_way: int = 0
    is_scheduled: bool = False


def is_confirmed(answer: ClaimAnswer) -> bool:
    return answer.held is not None and answer.held.state is ClaimState.CONFIRMED
