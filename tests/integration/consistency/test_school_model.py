"""A class over a real ledger and a real desk keeps its promises, whatever is lost in between.

`tests/support/machines/runner.py` says how to try more."""

from pathlib import Path

import pytest

from tests.support.machines.runner import Mutant, run_machine, stage_on
from tests.support.machines.school_machine import SchoolMachine
from tests.support.servers.redis_server import RedisServer

EXAMPLES, STEPS = 10, 20

MUTANTS = [
    Mutant("a unit is taken twice", "wins", "drop.next = unit + 1", "drop.next = unit"),
    Mutant(
        "a rebuild loses the holders",
        "load_drop",
        "redis.call('HSET', KEYS[4], ARGV[at], ARGV[at + 1])",
        "do end",
    ),
]


def test_a_school_keeps_its_promises(
    redis_server: RedisServer, migrated_sqlite_file: Path, tmp_path: Path
) -> None:
    with stage_on(redis_server) as stage:
        run_machine(lambda: SchoolMachine(stage, migrated_sqlite_file, tmp_path), EXAMPLES, STEPS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_the_machine_notices_when(
    mutant: Mutant,
    redis_server: RedisServer,
    migrated_sqlite_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mutant.put_in_place(monkeypatch)
    with stage_on(redis_server) as stage:
        mutant.must_be_found(
            lambda: SchoolMachine(stage, migrated_sqlite_file, tmp_path), EXAMPLES, STEPS
        )
