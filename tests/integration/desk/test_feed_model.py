"""A room's feed does what its model says, and whoever follows it from anywhere ends in its state (I5)."""

import pytest

from server.desk.feed import feed
from tests.support.machines.feed_machine import FeedMachine
from tests.support.machines.runner import Mutant, run_machine, stage_on
from tests.support.servers.redis_server import RedisServer

EXAMPLES, STEPS = 20, 30
HOUR_MS = 3_600_000

MUTANTS = [
    Mutant(
        "the same publication is told again",
        "publish",
        "if done then return tonumber(done) end",
        "",
    ),
    Mutant(
        "an ended drop is told of",
        "publish",
        "local is_over = shown and string.find(shown, '\"closed_at\":%d')",
        "local is_over = false",
    ),
    Mutant("another server goes on counting", "epoch", "if f[1] == run then", "if f[1] then"),
    Mutant(
        "what was told is not in the state",
        "publish",
        "redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])",
        "redis.call('HSETNX', KEYS[3], ARGV[2], ARGV[3])",
    ),
    Mutant(
        "a silent gateway is counted", "presence", "redis.call('HDEL', KEYS[2], gone)", "do end"
    ),
]


@pytest.fixture(autouse=True)
def words_are_good_for_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway falls silent when the machine says so."""
    monkeypatch.setattr(feed, "PRESENCE_GOOD_FOR_MS", HOUR_MS)


def test_a_feed_does_what_its_model_says(redis_server: RedisServer) -> None:
    with stage_on(redis_server) as stage:
        run_machine(lambda: FeedMachine(stage), EXAMPLES, STEPS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_the_machine_notices_when(
    mutant: Mutant, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant.put_in_place(monkeypatch)
    with stage_on(redis_server) as stage:
        mutant.must_be_found(lambda: FeedMachine(stage), EXAMPLES, STEPS)
