"""The desk's scripts of draws do what `draw_machine.py` says, whatever is asked in what order.

Each mutant breaks one line of a script, and the machine has to notice.
"""

import pytest

from tests.support.machines.draw_machine import DrawMachine
from tests.support.machines.runner import Mutant, run_machine, stage_on
from tests.support.servers.redis_server import RedisServer

EXAMPLES, STEPS, TRIES = 25, 25, 120

MUTANTS = [
    Mutant(
        "a student enters twice in one call",
        "enter",
        "if entry then entered_here[tap.student] = entry end",
        "",
    ),
    Mutant(
        "who is blocked enters", "enter", "if tap.is_blocked then return REFUSED.blocked end", ""
    ),
    Mutant("one enters after the close", "enter", "if drop.is_closed or", "if"),
    Mutant(
        "a limit is no limit of draws", "enter", "if used_up then return REFUSED[used_up] end", ""
    ),
    Mutant(
        "a draw is seated while it is open",
        "seat",
        "if not f[1] or not f[2] then",
        "if not f[2] then",
    ),
    Mutant(
        "a worker that is late takes new entries away",
        "drop_entries",
        "if count > 0 then",
        "if true then",
    ),
]


def test_the_desk_does_what_its_model_says(redis_server: RedisServer) -> None:
    with stage_on(redis_server) as stage:
        run_machine(lambda: DrawMachine(stage), EXAMPLES, STEPS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_the_machine_notices_when(
    mutant: Mutant, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant.put_in_place(monkeypatch)
    with stage_on(redis_server) as stage:
        mutant.must_be_found(lambda: DrawMachine(stage), TRIES, STEPS)
