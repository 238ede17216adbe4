from collections.abc import Mapping
from typing import Any

import pytest

from server.observability.health import Health

pytestmark = pytest.mark.asyncio


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def well(*parts: str, clock: Clock | None = None) -> Health:
    health = Health(parts, clock=clock or Clock())
    for part in parts:
        health.report(part, True)
    return health


async def is_ready(health: Health) -> bool:
    ok, _ = await health.readyz()
    return ok


async def part_of(health: Health, name: str) -> Mapping[str, Any]:
    _, body = await health.readyz()
    parts = body["parts"]
    assert isinstance(parts, dict)
    found: Mapping[str, Any] = parts[name]
    return found


async def test_ready_when_every_part_is_well() -> None:
    assert await is_ready(well("redis", "ledger"))


async def test_part_that_never_spoke_is_not_well() -> None:
    health = Health(("redis",))

    assert not await is_ready(health)
    assert (await part_of(health, "redis"))["detail"] == "has not reported yet"


async def test_one_part_that_is_not_well_makes_the_whole_not_ready_and_is_named() -> None:
    health = well("redis", "fence")
    health.report("fence", False, "closed on shard 3")

    assert not await is_ready(health)
    assert (await part_of(health, "fence"))["detail"] == "closed on shard 3"
    assert (await part_of(health, "redis"))["ok"] is True


async def test_part_comes_back_with_its_next_word() -> None:
    health = well("redis")
    health.report("redis", False, "no answer")
    health.report("redis", True)

    assert await is_ready(health)


async def test_silence_beyond_its_word_makes_a_part_not_well() -> None:
    clock = Clock()
    health = well("redis", clock=clock)
    health.report("redis", True, "answered", good_for_s=5)
    clock.now += 5
    assert await is_ready(health)

    clock.now += 0.1

    assert not await is_ready(health)
    assert "silent" in (await part_of(health, "redis"))["detail"]


async def test_not_ready_while_draining_but_alive() -> None:
    health = well("redis")
    health.drain()

    assert not await is_ready(health)
    assert (await health.livez())[0]


async def test_lost_neighbours_do_not_make_a_process_dead() -> None:
    health = well("redis")
    health.report("redis", False, "no answer")

    assert (await health.livez())[0]


async def test_loop_that_stopped_beating_is_dead() -> None:
    clock = Clock()
    health = well("redis", clock=clock)
    health.beat()
    clock.now += 11

    assert not (await health.livez())[0]


async def test_password_in_a_detail_is_not_shown() -> None:
    health = well("redis")
    health.report("redis", False, "cannot reach redis://u:hunter2@h/0")

    assert "hunter2" not in str(await health.readyz())
