"""A minute of the fault bench (tests/chaos): a small school taps, teaches and sells while processes are
killed and stopped and the network between any two is cut, slowed and silenced; then every promise holds.

A failure names the seed and keeps the history: `make chaos CHAOS_SEED=…` throws the same faults again.
"""

import os
import random
from pathlib import Path

import pytest

from tests.chaos.bench import Bench
from tests.chaos.history import History
from tests.chaos.site import start_site
from tests.support.servers.postgres import PostgresServer

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(600)]

SECONDS = {
    "postgresql": 35.0,
    "sqlite": 25.0,
}  # of faults, a minute in all; to start and to settle takes as long again


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("TEST_SEED") or random.SystemRandom().randrange(2**32))


@pytest.mark.parametrize("kind", SECONDS)
async def test_every_promise_holds_under_faults(
    kind: str, seed: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    postgres: PostgresServer | None = None
    if kind == "postgresql":
        postgres = request.getfixturevalue("postgres_server")
    with (tmp_path / "history.jsonl").open("w") as log:
        async with start_site(tmp_path, postgres, seed) as site:
            report = await Bench(site, History(log), seed).run(1, SECONDS[kind])
    told = "\n".join([f"TEST_SEED={seed}, history in {log.name}", *report.lines()])
    assert [f"{one.promise}: {one.text}" for one in report.violations] == [], told
    # A bench in which nothing happened would find nothing.
    assert report.rounds == 1
    assert report.faults.total() >= 5, told
    assert report.won >= 5, told
    assert report.calls["give ok"] >= 3, told
