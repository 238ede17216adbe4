"""`python -m tests.benchmarks.refusals`: refused claims a second of the desk, and the bytes of their replies.

One drop of one unit on a private Redis; each call has 500 taps of other students, all `sold_out`. Prints the
calls' time in Redis (`usec_per_call` of EVALSHA, by tap) and the time of the whole way from the tap to the
finished frame. Run it on two commits to compare them.
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from server.core.drops.drops import Allotment
from server.core.ids import BatchId, DropId, StudentId
from server.desk.claims.claim_answers import ClaimAnswer
from server.desk.claims.claim_desk import ClaimDesk, Tap
from server.desk.drops.drop_desk import DropDesk
from server.desk.redis.connection import connect
from server.desk.redis.embedded import EmbeddedRedis, stop
from server.desk.redis.nodes import Nodes
from server.desk.shards.fence import Fence
from server.gateway import claim_replies

CALLS, TAPS, ROUNDS = 100, 500, 15
DROP, BATCH = DropId("drp_bench"), BatchId("bat_bench")


class _Tap(Tap):
    __slots__ = ("missing", "over")
    missing: list[int]
    over: asyncio.Event

    def answered(self, answer: ClaimAnswer) -> None:
        claim_replies.claim_result(DROP, self.request_id, answer, self.number)
        self.missing[0] -= 1
        if not self.missing[0]:
            self.over.set()


async def _call(desk: ClaimDesk, count: int) -> None:
    missing, over = [count], asyncio.Event()
    for n in range(count):
        tap = _Tap(
            shard=0,
            drop_id=DROP,
            batch_id=BATCH,
            student=StudentId(f"s{n}"),
            request_id="request-1",
        )
        tap.missing, tap.over = missing, over
        desk.submit(tap)
    await over.wait()


async def _measure(redis: Nodes) -> None:
    fence = Fence(redis, "b", "bench")
    await fence.arm(0, await fence.take_lease(0) or "", 1)
    await DropDesk(redis, "b").open(
        shard=0,
        drop_id=DROP,
        batch_id=BATCH,
        room="bench",
        per_student=1,
        allotments=[Allotment("alt_bench", 1, 1)],
        opens_in_ms=0,
        duration_ms=3_600_000,
    )
    desk = ClaimDesk(redis, "b")
    await _call(desk, 1)
    script_us, whole_us = [], []
    for _ in range(ROUNDS):
        await redis.config_resetstat()
        begun = perf_counter()
        for _ in range(CALLS):
            await _call(desk, TAPS)
        whole_us.append((perf_counter() - begun) / CALLS / TAPS * 1e6)
        stats = (await redis.info("commandstats"))["cmdstat_evalsha"]
        script_us.append(stats["usec_per_call"] / TAPS)
    await desk.close()
    sys.stdout.write(
        f"script {min(script_us):.3f} us a tap, whole way {min(whole_us):.3f} us a tap, "
        f"{1e6 / min(whole_us):,.0f} refusals/s\n"
    )


async def _main() -> None:
    with tempfile.TemporaryDirectory(prefix="classdrop-refusals-") as folder:
        server = EmbeddedRedis(Path(folder) / "redis")
        process = await server.start()
        redis = connect(server.url)
        try:
            await _measure(redis)
        finally:
            await redis.aclose()
            await stop(process)


if __name__ == "__main__":
    asyncio.run(_main())
