"""The desk's scripts on a real Redis do what `model_desk.py` says, whatever is asked in what order.

`tests/support/machines/runner.py` says how to try more. The mutants are the control: each breaks one line of
a script, and the machine has to notice within the examples that it has here.
"""

import pytest

from tests.support.machines.desk_machine import DeskMachine
from tests.support.machines.runner import Mutant, run_machine, stage_on
from tests.support.servers.redis_server import RedisServer

EXAMPLES, STEPS = 40, 30
TRIES = 200  # to find a mutant: the steps that it takes may be rare

MUTANTS = [
    Mutant("a unit is taken twice", "wins", "drop.next = unit + 1", "drop.next = unit"),
    Mutant(
        "the limit is ignored",
        "wins",
        "if not cap.slot then return nil, nil, 'limit' end",
        "cap.slot = cap.slot or 1",
    ),
    Mutant(
        "the campaign's limit is ignored",
        "wins",
        "if not more.campaign.slot then return nil, nil, 'campaign_limit' end",
        "more.campaign.slot = more.campaign.slot or 1",
    ),
    Mutant(
        "a person's limit is ignored",
        "wins",
        "if not more.person.slot then return nil, nil, 'person_limit' end",
        "more.person.slot = more.person.slot or 1",
    ),
    Mutant(
        "a device's slot is not kept",
        "wins",
        "if device then use_slot(key.caps, device) end",
        "",
    ),
    Mutant("persons and devices are mixed up", "wins", "'d|' .. tap.device", "'p|' .. tap.device"),
    Mutant(
        "a person is taken for a part of the request",
        "claim",
        "if state == 'w' or state == 'c' then\n    read_holders(tap)",
        "if state == 'w' or state == 'c' then",
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
    Mutant("the highest unit first", "wins", "'ZRANGE'", "'ZREVRANGE'"),
    Mutant("a released unit is lost", "release", "redis.call('ZADD', KEYS[4], unit, unit)", ""),
    Mutant("anybody's claim is released", "release", "claim_id == sold and ", ""),
    Mutant(
        "a top-up leaves a gap",
        "add_units",
        "if tonumber(ARGV[2]) ~= last + 1 then",
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
        "a task is not asked for",
        "claim",
        "if drop.has_task and redis.call('SISMEMBER', key.passed, tap.student) == 0 then",
        "if false then",
    ),
    Mutant("who is blocked wins", "claim", "if tap.is_blocked then return REFUSED.blocked end", ""),
    Mutant(
        "taps are counted from the last rebuild on",
        "claim",
        "if not drop.taps then taps = taps + drop.won_total - drop.won_here end",
        "",
    ),
    Mutant("the last win is another", "claim", "last_won_at = f[18]", "last_won_at = now_text"),
    Mutant(
        "a reopening is stamped twice",
        "reopen",
        "if opened == number then return { tonumber(seen[1]), tonumber(seen[2]), epoch } end",
        "",
    ),
    Mutant(
        "a reopened drop stays closed",
        "reopen",
        "redis.call('HDEL', drop, 'closed_at', 'extended_by')",
        "redis.call('HDEL', drop, 'extended_by')",
    ),
    Mutant(
        "an earlier opening ends a later one",
        "close",
        "if openings > tonumber(ARGV[2]) then return {} end",
        "",
    ),
    Mutant(
        "a reopening comes after it was given up",
        "close",
        "if openings < tonumber(ARGV[2]) then",
        "if false then",
    ),
    Mutant("it ends while there are units", "close", "live < tonumber(f[7]) then", "false then"),
    Mutant(
        "an older window is moved to",
        "move_window",
        "tonumber(ARGV[1]) > tonumber(f[3] or 0)",
        "true",
    ),
    Mutant(
        "it ends before it begins",
        "window",
        "math.max(from, tonumber(text))",
        "tonumber(text)",
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
        mutant.must_be_found(lambda: DeskMachine(stage), TRIES, STEPS)
