"""Measure what one clock for 10,000 watchers costs a gateway: CPU time of its writes, as a share of a core.

    python -m tests.system.watch_cost [students] [redis url]

Needs a Redis (default redis://127.0.0.1:6379/15). Sockets are stood in for by sessions that were heard just
now; the writes, the script and the progress are real. One write in four also tells each student a new minute.
"""

import asyncio
import sys
import time
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

from redis.asyncio import Redis

from server.core.drops.drops import Window
from server.core.drops.tasks import WatchTask
from server.desk.redis.connection import connect
from server.gateway.rooms import watch_clock
from server.gateway.rooms.open_rooms import OpenRooms
from server.gateway.rooms.room import Room
from server.gateway.rooms.watch_clock import WatchClock
from tests.support.builders.desks import Desk, a_room_drop, make_desk

WRITES, EVERY_MS = 20, 15_000


async def main(students: int, url: str) -> None:
    redis = connect(url)
    desk = make_desk(redis, f"watch-cost-{time.time_ns()}")
    await desk.arm()
    try:
        seconds, of_redis = await _measure(desk, redis, students)
    finally:
        async for key in redis.scan_iter(f"{desk.prefix}:*", count=1000):
            await redis.delete(key)
        await redis.aclose()
    share = 100 / (EVERY_MS / 1000)
    sys.stdout.write(
        f"{students} watchers, {WRITES} writes: gateway {seconds * 1000:.1f} ms CPU a write, "
        f"{seconds * share:.2f} % of a core; Redis {of_redis * 1000:.1f} ms, {of_redis * share:.2f} %\n"
    )


async def _measure(desk: Desk, redis: Redis, students: int) -> tuple[float, float]:
    window = await desk.open(duration_ms=6 * 3_600_000, has_task=True)
    assert window is not None
    start = window.opens_at - WRITES * EVERY_MS
    await redis.hset(desk.keys().drop("drp_1"), "opens_at", str(start))
    rooms = OpenRooms()
    room = rooms.by_name["r1"] = Room("r1", lambda _seconds, _at: None)
    shown = Window(start, window.closes_at)
    drop = a_room_drop(window=shown, task=WatchTask(200))
    room.drops = {drop.id: drop}
    told = 0

    def send_private(_frames: bytes) -> None:
        nonlocal told
        told += 1

    session = SimpleNamespace(last_message_at=window.opens_at)
    for number in range(students):
        connection = SimpleNamespace(session=session, send_private=send_private)
        room.students[f"student-{number}"] = [cast(Any, connection)]
    clock = WatchClock(rooms, desk.drops.tasks)
    used, of_redis = 0.0, await _cpu(redis)
    for write in range(WRITES):
        at = start + write * EVERY_MS
        room.watchers.written_until = dict.fromkeys(room.students, at)
        session.last_message_at = at + EVERY_MS - 30_000
        vars(watch_clock)["now_ms"] = partial(int, at + EVERY_MS)
        begun = time.process_time()
        await clock.write_present()
        used += time.process_time() - begun
    sys.stdout.write(f"told {told} frames\n")
    return used / WRITES, (await _cpu(redis) - of_redis) / WRITES


async def _cpu(redis: Redis) -> float:
    facts = await redis.info("cpu")
    return float(facts["used_cpu_user"]) + float(facts["used_cpu_sys"])


if __name__ == "__main__":
    wanted = sys.argv[1:]
    asyncio.run(
        main(
            int(wanted[0]) if wanted else 10_000,
            wanted[1] if len(wanted) > 1 else "redis://127.0.0.1:6379/15",
        )
    )
