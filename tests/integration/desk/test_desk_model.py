"""The desk's scripts on a real Redis do what `model_desk.py` says, whatever is asked in what order.

`tests/support/machines/runner.py` says how to try more. The mutants are the control: each breaks one line of
a script, and the machine has to notice within the examples that it has here.
"""

import pytest

from tests.support.machines.desk_machine import DeskMachine
from tests.support.machines.runner import Mutant, run_machine, stage_on
from tests.support.servers.redis_server import RedisServer

EXAMPLES, STEPS = 30, 30

MUTANTS = [
    Mutant("a unit is taken twice", "claim", "drop.next = unit + 1", "drop.next = unit"),
    Mutant(
        "the limit is ignored",
        "claim",
        "if not cap.slot then return REFUSED.limit end",
        "cap.slot = cap.slot or 1",
    ),
    Mutant(
        "the campaign's limit is ignored",
        "claim",
        "if in_all and not in_all.slot then return REFUSED.campaign_limit end",
        "if in_all then in_all.slot = in_all.slot or 1 end",
    ),
    Mutant("a stop is not heard", "claim", "or drop.is_stopped then", "then"),
    Mutant("an older stop wins", "publish_stops", "known >= tonumber(ARGV[1])", "false"),
    Mutant(
        "a student wins twice in one call",
        "claim",
        "if record then won_here[tap.student] = record end",
        "",
    ),
    Mutant(
        "any request repeats a win",
        "claim",
        "request_of(held) == tap.request_id and 'W' or 'A'",
        "'W'",
    ),
    Mutant(
        "a drop is open before its time",
        "claim",
        "now < drop.opens_at or drop.is_stopped",
        "drop.is_stopped",
    ),
    Mutant("one unit too many", "claim", "drop.live >= drop.quantity", "drop.live > drop.quantity"),
    Mutant("the highest unit first", "claim", "'ZRANGE'", "'ZREVRANGE'"),
    Mutant("a released unit is lost", "release", "redis.call('ZADD', KEYS[4], unit, unit)", ""),
    Mutant("anybody's claim is released", "release", "claim_id == sold and ", ""),
    Mutant(
        "a top-up leaves a gap",
        "add_units",
        "if tonumber(ARGV[2]) ~= tonumber(f[4]) + 1 then",
        "if false then",
    ),
    Mutant(
        "an extension counts twice",
        "extend",
        "if f[3] == ARGV[1] then return { 'extended', closes_at, epoch } end",
        "",
    ),
    Mutant("it opens behind its end", "open", "if seen[3] then return {} end", ""),
    Mutant(
        "another server is trusted",
        "fence",
        "return armed_for == false or armed_for ~= run_id()",
        "return armed_for == false",
    ),
    Mutant(
        "a rebuild loses the window", "load_drop", "if window and window[2] and", "if false and"
    ),
]


def test_the_desk_does_what_its_model_says(redis_server: RedisServer) -> None:
    with stage_on(redis_server) as stage:
        run_machine(lambda: DeskMachine(stage), EXAMPLES, STEPS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_the_machine_notices_when(
    mutant: Mutant, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant.put_in_place(monkeypatch)
    with stage_on(redis_server) as stage:
        mutant.must_be_found(lambda: DeskMachine(stage), EXAMPLES, STEPS)
