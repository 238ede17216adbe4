"""Three scenarios that run storms: the largest room, rooms of growing size, and students spread over many
rooms.

Each storm has a server of its own. First comes a drop on which everybody taps at once, then a few top-ups on
which nobody taps: on one machine the taps compete with the card.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from statistics import median
from typing import Final

from loadtest.bench.scenario import Case, CaseResult, Column, Round, Scenario
from loadtest.clients.tokens import SignedTokens
from loadtest.clients.websocket_codec import Address
from loadtest.storm.classroom import RunHooks, StormPlan, StormRun, run_storm
from loadtest.storm.worker_pool import RunError
from loadtest.targets.machine import find_problems, loopback_sources, read_limits
from loadtest.targets.processes import tree_rss_kb

_AT_ONCE: Final = 0.0  # all join together: measures how fast the server can take them in
_STUDENTS_PER_COUPON: Final = 20  # the same in all cases, because a win costs more than a refusal
_QUIET_PUSHES: Final = 5
_KB_PER_MB: Final = 1024


def plan_of(students: int, *, rooms: int = 1, processes: int = 1) -> StormPlan:
    in_room = len(range(0, students, rooms))
    return StormPlan(
        students=students,
        stock=max(1, in_room // _STUDENTS_PER_COUPON),
        processes=processes,
        rooms=rooms,
        joins_per_s=_AT_ONCE,
        answer_seconds=120,
        top_ups=_QUIET_PUSHES,
    )


def measure(plan: StormPlan, web_processes: int, one: Round) -> CaseResult:
    with one.server(web_processes) as server:
        _refuse_impossible(plan, server.url)
        memory = [tree_rss_kb(server.pid)]
        hooks = RunHooks(on_full=lambda: memory.append(tree_rss_kb(server.pid)))
        tokens = SignedTokens(server.secret, f"bench-{one.number}")
        run = asyncio.run(run_storm(server.url, tokens, plan, hooks))
    return CaseResult(_values(run, memory), findings_of(run))


def findings_of(run: StormRun) -> list[str]:
    """Return the verdict's findings, and the top-ups that did not reach everybody."""
    missed = [one.missing for one in run.top_up_deliveries if one.missing]
    return [*map(str, run.findings), *(f"not_reached: by a top-up: {many}" for many in missed)]


def _refuse_impossible(plan: StormPlan, url: str) -> None:
    sources = len(loopback_sources(Address.of(url).host, plan.students))
    problems = find_problems(read_limits(), plan.students, plan.processes, sources)
    if problems:
        raise RunError("; ".join(problems))


def _values(run: StormRun, memory_kb: Sequence[int]) -> dict[str, float]:
    """Return the values of one storm, by the names in the file.

    quiet_…: the median of the top-ups, on which nobody taps. …_us_each: the time from the first student to
    the last, divided by the students of the room.
    troubles: lost connections and taps that were told to retry.
    """
    results, top_ups, in_room = run.results, run.top_up_deliveries, run.plan.in_room
    before, full = memory_kb
    return {
        "joins_per_s": results.joins_per_s,
        "join_p99_ms": results.join.p99,
        "quiet_p50_ms": median(one.spread.p50 for one in top_ups),
        "quiet_p99_ms": median(one.spread.p99 for one in top_ups),
        "quiet_last_ms": median(one.spread.max for one in top_ups),
        "push_us_each": median(one.span_ms for one in top_ups) * 1000 / in_room,
        "card_p50_ms": results.push.p50,
        "card_p99_ms": results.push.p99,
        "card_last_ms": results.push.max,
        "claim_p50_ms": results.claim.p50,
        "claim_p99_ms": results.claim.p99,
        "claim_span_ms": results.claim_span_ms,
        "claim_us_each": results.claim_span_ms * 1000 / max(1, results.claim.count),
        "confirm_p99_ms": results.confirm.p99,
        "troubles": float(sum(results.troubles.values())),
        "kb_each": (full - before) / run.plan.students,
        "server_mb": full / _KB_PER_MB,
    }


_QUIET: Final = Column(
    "card to p50 / p99 / last, ms", ("quiet_p50_ms", "quiet_p99_ms", "quiet_last_ms")
)
_TAPPED: Final = Column("the same while all tap", ("card_p50_ms", "card_p99_ms", "card_last_ms"))
_CLAIM: Final = Column("claim p50 / p99, ms", ("claim_p50_ms", "claim_p99_ms"))
_ANSWERED: Final = Column("all answered, ms", ("claim_span_ms",))
_JOINS: Final = Column("joins/s", ("joins_per_s",))
_EACH: Final = Column("KB a student", ("kb_each",), ",.1f")


# One room over many processes of server and tester.


def _largest(is_quick: bool) -> list[Case]:
    students, web, clients = (300, 1, 2) if is_quick else (100_000, 7, 6)
    plan = plan_of(students, processes=clients)
    facts = {"students": students, "web processes": web, "client processes": clients}
    return [Case(facts, partial(measure, plan, web))]


LARGEST: Final = Scenario(
    name="largest",
    title="A hundred thousand in one room.",
    note="One machine holds them and the crowd that plays them; a `web` process admits 19,500, so there "
    "are several. All join at once, one drop reaches all, all tap; then a push on which nobody taps.",
    cases=_largest,
    columns=(
        _JOINS,
        _QUIET,
        _TAPPED,
        _CLAIM,
        _ANSWERED,
        _EACH,
        Column("the server's memory, MB", ("server_mb",)),
    ),
    runs_once=True,
)


# One web process, one room.


def _sizes(is_quick: bool) -> list[Case]:
    sizes = (100,) if is_quick else (1_000, 2_000, 5_000, 10_000, 19_000)
    return [Case({"students": size}, partial(measure, plan_of(size), 1)) for size in sizes]


SIZES: Final = Scenario(
    name="sizes",
    title="A room by its size.",
    note="One `web` process. Microseconds are of one student: from the first who sees the card to the "
    "last (nobody taps), from the first tap to the last answer.",
    cases=_sizes,
    columns=(
        _JOINS,
        _QUIET,
        Column("µs a push", ("push_us_each",), ",.1f"),
        _CLAIM,
        Column("µs a claim", ("claim_us_each",), ",.1f"),
        Column("confirmed p99, ms", ("confirm_p99_ms",)),
        _EACH,
    ),
)


# One web process, the same students in more and more rooms.


def _rooms(is_quick: bool) -> list[Case]:
    students, counts = (60, (3,)) if is_quick else (10_000, (1, 10, 100, 1_000))
    return [
        Case(
            {"rooms": rooms, "students in each": students // rooms},
            partial(measure, plan_of(students, rooms=rooms), 1),
        )
        for rooms in counts
    ]


ROOMS: Final = Scenario(
    name="rooms",
    title="A drop costs what its room costs.",
    note="10,000 students on one `web` process, spread over so many rooms; the drop goes to one of them.",
    cases=_rooms,
    columns=(_JOINS, _QUIET, _TAPPED, _CLAIM, _ANSWERED, _EACH),
)
