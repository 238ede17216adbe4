"""`python -m server desk-bench`: measure the claims a second of the desk, by the claims in one script call.

Runs on a private Redis, with all the checks and writes of a real claim. Called by the command line, and as
a process by the load tester's bench. There are no sockets and no ledger, so the result is the time of the
script, of Redis with AOF `always`, and of the connection.
"""

import asyncio
import csv
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Final

from server.commands import CommandError
from server.core.drops.claims import Outcome
from server.core.drops.drops import Allotment
from server.core.ids import BatchId, DropId, StudentId
from server.desk.claims.claim_answers import ClaimAnswer
from server.desk.claims.claim_desk import MAX_TAPS_A_CALL, ClaimDesk, Tap
from server.desk.drops.drop_desk import DropDesk
from server.desk.keys import ShardKeys
from server.desk.redis.connection import connect
from server.desk.redis.embedded import EmbeddedRedis, EmbeddedRedisError, stop
from server.desk.redis.nodes import Nodes
from server.desk.shards.fence import Fence

_BATCHES: Final = (1, 10, 50, 100, 250, MAX_TAPS_A_CALL)
BENCHMARK: Final = "redis-benchmark"
_WARM_UP_S: Final = 0.3
_PREFIX, _SHARD = "bench", 0
_DROP, _BATCH = DropId("drp_bench"), BatchId("bat_bench")
_UNITS: Final = 1_000_000_000  # never sold out: each claim is a win, the most expensive outcome
_HOUR_MS: Final = 3_600_000
_BENCHMARK_CLIENTS: Final = 50  # its own default
_BENCHMARK_CALLS_PER_SECOND: Final = (
    20_000  # expected, because redis-benchmark takes a number of calls, not a duration
)
_REPLY_SECONDS: Final = 5.0
_DIGITS: Final = 12  # of the number that redis-benchmark inserts for its placeholder
_PLACEHOLDER: Final = "__rand_int__"
_SAMPLE: Final = "9" * _DIGITS


@dataclass(frozen=True, slots=True)
class DeskResult:
    """One measurement. `batch`: claims in one call. `clients`: connections that claimed concurrently."""

    by: str
    batch: int
    clients: int
    claims: int
    claims_per_s: float


async def desk_bench(sizes: Sequence[str], seconds: float) -> None:
    """Print one line of JSON for each of `sizes`: a number of claims in a call, or `redis-benchmark`.

    redis-benchmark makes one call for each claim. By default several numbers are measured, and
    redis-benchmark where it is on PATH. Raises CommandError where a claim is lost, Redis does not start, or
    a size is not valid.
    """
    for size in sizes or _default_sizes():
        if size != BENCHMARK and not (size.isdecimal() and 1 <= int(size) <= MAX_TAPS_A_CALL):
            raise CommandError(f"{size}: neither 1 to {MAX_TAPS_A_CALL} nor {BENCHMARK}")
        async with _private_desk() as desk:
            if size == BENCHMARK:
                _print(await desk.measure_with_benchmark(seconds))
            else:
                _print(await desk.measure(int(size), seconds))


def _default_sizes() -> list[str]:
    return [*map(str, _BATCHES), *([BENCHMARK] if shutil.which(BENCHMARK) else [])]


def _print(figure: DeskResult) -> None:
    print(json.dumps(asdict(figure)), flush=True)  # noqa: T201  (the answer of the command)


@dataclass(slots=True)
class _Call:
    """The claims of one script call, and how many replies are still missing."""

    missing: int
    refused: int = 0
    is_over: asyncio.Event = field(default_factory=asyncio.Event)


class _BenchTap(Tap):
    """The first tap of a new student."""

    __slots__ = ("_call",)

    def __init__(self, digits: str, call: _Call) -> None:
        super().__init__(
            shard=_SHARD,
            drop_id=_DROP,
            batch_id=_BATCH,
            student=StudentId(f"student-{digits}"),
            request_id="request-1",
        )
        self._call = call

    def answered(self, answer: ClaimAnswer) -> None:
        self._call.refused += answer.outcome is not Outcome.WON
        self._call.missing -= 1
        if not self._call.missing:
            self._call.is_over.set()


@dataclass(slots=True)
class _Desk:
    """An open drop on a private Redis."""

    redis: Nodes
    socket: str
    claims: ClaimDesk
    _numbers: "count[int]" = field(default_factory=count)

    async def measure(self, batch: int, seconds: float) -> DeskResult:
        """Make one call after the other, each with `batch` claims of as many students."""
        await self._claim_for(batch, _WARM_UP_S)
        begun = perf_counter()
        claims = await self._claim_for(batch, seconds)
        took = perf_counter() - begun
        await self._refuse_lost(next(self._numbers))
        return DeskResult("desk", batch, 1, claims, round(claims / took, 1))

    async def _claim_for(self, batch: int, seconds: float) -> int:
        claims, until = 0, perf_counter() + seconds
        while perf_counter() < until:
            await self._claim(batch)
            claims += batch
        return claims

    async def _claim(self, batch: int) -> None:
        """Submit the claims in one turn of the event loop, so that they go into one call."""
        call = _Call(batch)
        for _ in range(batch):
            self.claims.submit(_BenchTap(f"{next(self._numbers):0{_DIGITS}}", call))
        await call.is_over.wait()
        if call.refused:
            raise CommandError(f"{call.refused} of {batch} claims were refused; all should be wins")

    async def measure_with_benchmark(self, seconds: float) -> DeskResult:
        """Measure with Redis' own tool, one EVALSHA a claim: the limit of a desk that does not batch."""
        await self._claim(1)  # loads the script
        command = await self._command_of_one_claim()
        calls = max(1, int(seconds * _BENCHMARK_CALLS_PER_SECOND))
        per_second = await self._run_benchmark(calls, command)
        # Two of its random students may be the same one.
        await self._refuse_lost(int(calls * 0.99))
        return DeskResult(BENCHMARK, 1, _BENCHMARK_CLIENTS, calls, per_second)

    async def _command_of_one_claim(self) -> list[str]:
        """Return the call that the desk makes, as MONITOR shows it, for redis-benchmark to vary."""
        call = _Call(1)
        async with asyncio.timeout(_REPLY_SECONDS), self.redis.monitor() as monitor:
            self.claims.submit(_BenchTap(_SAMPLE, call))
            seen = ""
            while not seen.startswith("EVALSHA "):  # a new connection sends HELLO first
                seen = str((await monitor.next_command())["command"])
            await call.is_over.wait()
        words = seen.replace(_SAMPLE, _PLACEHOLDER).split(" ")
        return [
            word.encode().decode("unicode_escape") for word in words
        ]  # MONITOR escapes line ends

    async def _run_benchmark(self, calls: int, command: Sequence[str]) -> float:
        """Run redis-benchmark and return the calls a second that it reports."""
        options = ("-s", self.socket, "-n", str(calls), "-c", str(_BENCHMARK_CLIENTS))
        process = await asyncio.create_subprocess_exec(
            BENCHMARK,
            *options,
            *("-r", "1000000000", "--csv"),
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        rows = list(csv.DictReader(output.decode().splitlines()))
        if process.returncode or not rows:
            raise CommandError(f"{BENCHMARK}: {(errors or output).decode()[-500:]}")
        return round(float(rows[0]["rps"]), 1)

    async def _refuse_lost(self, claims: int) -> None:
        written = await self.redis.xlen(ShardKeys(_PREFIX, _SHARD).outbox)
        if written < claims:
            raise CommandError(f"of {claims} claims only {written} are in the outbox")


@asynccontextmanager
async def _private_desk() -> AsyncIterator[_Desk]:
    with tempfile.TemporaryDirectory(prefix="classdrop-desk-") as folder:
        server = EmbeddedRedis(Path(folder) / "redis")
        try:
            process = await server.start()
        except EmbeddedRedisError as error:
            raise CommandError(str(error)) from error
        redis = connect(server.url)
        claims = ClaimDesk(redis, _PREFIX)
        try:
            await _open(redis)
            yield _Desk(redis, server.url.removeprefix("unix://"), claims)
        finally:
            await claims.close()
            await redis.aclose()
            await stop(process)


async def _open(redis: Nodes) -> None:
    """Do what the rebuild from an empty ledger and the opening of one drop would do."""
    fence = Fence(redis, _PREFIX, "bench")
    run_id = await fence.take_lease(_SHARD)
    await fence.arm(_SHARD, run_id or "", 1)
    await DropDesk(redis, _PREFIX).open(
        shard=_SHARD,
        drop_id=_DROP,
        batch_id=_BATCH,
        room="bench",
        per_student=1,
        allotments=[Allotment("alt_bench", 1, _UNITS)],
        opens_in_ms=0,
        duration_ms=_HOUR_MS,
    )
