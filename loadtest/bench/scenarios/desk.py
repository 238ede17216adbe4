"""Scenario: the claim script alone, by the number of claims in one call.

`python -m server desk-bench` measures it in a process of its own. If the machine has Redis' own benchmark
tool, that tool sends the desk's call for one claim, for comparison.
"""

import json
import shutil
import subprocess
import sys
from functools import partial
from typing import Final

from loadtest.bench.scenario import Case, CaseResult, Column, Facts, Round, Scenario
from loadtest.targets.own_server import ServerError

_BATCHES: Final = (1, 10, 50, 100, 250, 500)
_BENCHMARK: Final = "redis-benchmark"
_SECONDS: Final = 2.0
_QUICK_SECONDS: Final = 0.1
_GRACE_S: Final = 60.0  # for the start and the end of the process


def _measure(what: str, seconds: float, _one: Round) -> CaseResult:
    command = [sys.executable, "-m", "server", "desk-bench", what, "--seconds", str(seconds)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds + _GRACE_S, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise ServerError(f"desk-bench {what} did not end") from error
    except subprocess.CalledProcessError as error:
        raise ServerError(f"desk-bench {what}: {error.stderr[-500:]}") from error
    figure = json.loads(done.stdout.splitlines()[-1])
    return CaseResult({"claims_per_s": figure["claims_per_s"]})


def _cases(is_quick: bool) -> list[Case]:
    if is_quick:
        return [_case(100, _QUICK_SECONDS)]
    cases = [_case(batch, _SECONDS) for batch in _BATCHES]
    if shutil.which(_BENCHMARK):
        facts: Facts = {"claims in a call": 1, "calls at once": 50, "by": f"`{_BENCHMARK}`"}
        cases.append(Case(facts, partial(_measure, _BENCHMARK, _SECONDS)))
    return cases


def _case(batch: int, seconds: float) -> Case:
    facts: Facts = {"claims in a call": batch, "calls at once": 1, "by": "the desk"}
    return Case(facts, partial(_measure, str(batch), seconds))


DESK: Final = Scenario(
    name="desk",
    title="The desk alone.",
    note="Every claim is a win, which costs most: run id, window, stock and caps are looked at, holder, "
    "caps and outbox written, on disk before the answer (AOF on every write).",
    cases=_cases,
    columns=(Column("claims/s", ("claims_per_s",)),),
)
