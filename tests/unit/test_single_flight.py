"""One piece of work for all who ask for the same; nobody waits for another key."""

import asyncio

import pytest

from server.single_flight import SingleFlight

pytestmark = pytest.mark.asyncio


class Work:
    """Counts how often it began; ends when the test says so."""

    def __init__(self) -> None:
        self.begun = 0
        self.started = asyncio.Event()
        self.may_end = asyncio.Event()

    async def __call__(self) -> str:
        self.begun += 1
        self.started.set()
        await self.may_end.wait()
        return f"run {self.begun}"


async def test_all_who_ask_meanwhile_share_one_run() -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    work = Work()
    asking = [asyncio.create_task(flights.run("a", work)) for _ in range(5)]
    await work.started.wait()
    work.may_end.set()

    assert await asyncio.gather(*asking) == ["run 1"] * 5


async def test_who_asks_afterwards_gets_a_run_of_their_own() -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    work = Work()
    work.may_end.set()

    assert [await flights.run("a", work), await flights.run("a", work)] == ["run 1", "run 2"]


async def test_another_key_is_not_held_up() -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    hanging, quick = Work(), Work()
    quick.may_end.set()
    asking = asyncio.create_task(flights.run("a", hanging))
    await hanging.started.wait()

    assert await flights.run("b", quick) == "run 1"

    hanging.may_end.set()
    await asking


async def test_a_failure_is_everybodys_and_is_not_kept() -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    started, may_fail = asyncio.Event(), asyncio.Event()

    async def fail() -> str:
        started.set()
        await may_fail.wait()
        raise ValueError("away")

    asking = [asyncio.create_task(flights.run("a", fail)) for _ in range(3)]
    await started.wait()
    may_fail.set()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert [str(result) for result in results] == ["away"] * 3

    work = Work()
    work.may_end.set()
    assert await flights.run("a", work) == "run 1"


async def test_where_the_first_gives_up_another_goes_on() -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    work = Work()
    first = asyncio.create_task(flights.run("a", work))
    await work.started.wait()
    second = asyncio.create_task(flights.run("a", work))
    work.started.clear()
    first.cancel()
    await work.started.wait()
    work.may_end.set()

    assert await second == "run 2"
    assert first.cancelled()


async def test_one_who_gives_up_waiting_ends_nothing() -> None:
    flights: SingleFlight[str, str] = SingleFlight()
    work = Work()
    first = asyncio.create_task(flights.run("a", work))
    await work.started.wait()
    second, third = (asyncio.create_task(flights.run("a", work)) for _ in range(2))
    await asyncio.wait([second], timeout=0)
    second.cancel()
    await asyncio.wait([second])
    work.may_end.set()

    assert (await first, await third) == ("run 1", "run 1")
