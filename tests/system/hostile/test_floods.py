"""Floods from one address, against a web process as it is deployed: the work they make is bounded, so is what
is kept for each connection, and students behind the same address come in and win as if nothing were.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles

import pytest

from server.gateway.sockets import close_reasons
from server.gateway.sockets.connection_limiter import BAD_TOKENS, REFUSED_LATER_SECONDS
from tests.support.clients.flooder import BEGUN
from tests.support.clients.one_address import Arrivals, all_in
from tests.support.clients.raw_socket import (
    GIVE_UP_S,
    RawSocket,
    frame,
    handshake,
    raw_socket,
    says,
)
from tests.support.servers.shared_school import School

STUDENTS = 60
CAMPUS = int(os.environ.get("TEST_STUDENTS", "2000"))
KB_OF_A_STUDENT = 12  # 3 KB as measured, and what an allocator keeps of the crowd at the door
KB_OF_A_FLOOD = 30_000
FLOOD_SECONDS = "30"  # ended by the test, and by itself where the test dies
FLOOD_SECONDS_OF_A_CAMPUS = 120
_ROOT = Path(__file__).parents[3]


@contextmanager
def flood(school: School, kind: str) -> Iterator[None]:
    program = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.support.clients.flooder",
            str(school.web.port),
            kind,
            FLOOD_SECONDS,
        ],
        cwd=_ROOT,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
        assert program.poll() is None, "it gave up before the students had come"
    finally:
        program.kill()
        program.wait()


def p99_ms(seconds: list[float]) -> float:
    return quantiles(seconds, n=100)[98] * 1_000


@pytest.mark.parametrize("kind", ["bad_token", "no_hello", "pings", "pieces"])
def test_students_of_the_flooding_address_come_in_and_win(school: School, kind: str) -> None:
    """Two cores for the flood, the server, these students and whatever else runs: the bound is generous,
    and far below what a stalled loop would take."""
    alone = p99_ms([school.a_student_wins() for _ in range(STUDENTS)])
    with flood(school, kind):
        beside = p99_ms([school.a_student_wins() for _ in range(STUDENTS)])
    assert beside < 10 * alone + 500
    school.assert_well()


@contextmanager
def flooding(school: School, *kinds: str) -> Iterator[list["subprocess.Popen[str]"]]:
    """Each has begun: the first of it has been turned away."""
    seconds = str(FLOOD_SECONDS_OF_A_CAMPUS)
    programs = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.support.clients.flooder",
                str(school.web.port),
                kind,
                seconds,
            ],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for kind in kinds
    ]
    try:
        for program in programs:
            assert program.stdout is not None
            assert program.stdout.readline() == BEGUN
        yield programs
    finally:
        for program in programs:
            program.kill()
            program.wait()


def turned_away(program: "subprocess.Popen[str]") -> Counter[int]:
    """End the flood and return how often each close code came."""
    assert program.poll() is None, "the flood was over before the students had come"
    program.terminate()
    said, _ = program.communicate(timeout=GIVE_UP_S)
    return Counter({int(code): count for code, count in json.loads(said)["codes"].items()})


def test_a_campus_of_the_flooding_address_comes_in_and_the_flood_does_not(school: School) -> None:
    """10,000 good students behind one address are no flood, and beside one they are no part of it.
    TEST_STUDENTS=10000 takes 20,000 open files, and 20 s."""
    tokens = [school.token() for _ in range(CAMPUS)]
    school.a_student_wins()
    before = resident_kb(school.web.process.pid)

    async def come() -> tuple[Arrivals, list[Counter[int]], int]:
        async with all_in(school.web.port, tokens) as arrivals:
            codes = [await asyncio.to_thread(turned_away, program) for program in programs]
            assert arrivals.lost == 0
            return arrivals, codes, resident_kb(school.web.process.pid) - before

    with flooding(school, "no_token", "wrong_token") as programs:
        arrivals, codes, grown = asyncio.run(come())
    sys.stdout.write(
        f"{len(arrivals.waits)} in, median {median(arrivals.waits):.2f} s, last {max(arrivals.waits):.2f} s, "
        f"{grown / CAMPUS:.1f} KB each; turned away: {codes}\n"
    )
    assert len(arrivals.waits) == CAMPUS
    assert [set(each) for each in codes] == [
        {close_reasons.PROTOCOL_ERROR.code},
        {close_reasons.TOKEN_INVALID.code},
    ]
    assert grown < CAMPUS * KB_OF_A_STUDENT + KB_OF_A_FLOOD
    school.assert_well()


def test_bad_tokens_are_refused_ever_more_slowly_and_good_ones_never(school: School) -> None:
    with ExitStack() as sockets:
        bad = [
            sockets.enter_context(raw_socket(school.web.port)) for _ in range(BAD_TOKENS.burst + 50)
        ]
        for raw in bad:
            raw.send(handshake())
            raw.hear_head()
            raw.send(says(type="hello", token="x.y.z"))
        last = bad[-1]
        took = [school.a_student_wins() for _ in range(20)]
        assert last.texts == []
        assert min(took) < REFUSED_LATER_SECONDS
        assert last.hear("error")["code"] == "token_invalid"


def held_open(raw: RawSocket, kind: str) -> None:
    """Send the most that a server can be made to keep of a message that never ends."""
    if kind == "head":
        raw.send(handshake()[:-2] + b"A: " + b"b" * 15_000)
        return
    raw.send(handshake())
    raw.hear_head()
    if kind == "frame":
        raw.send(frame(b" " * 4_000)[:-1])
    elif kind == "fragments":
        raw.send((frame(b" " * 100, fin=False) + frame(b" " * 100, 0, fin=False) * 39)[:-1])


@pytest.mark.parametrize("kind", ["head", "frame", "fragments", "nothing"])
def test_what_is_kept_for_a_connection_is_bounded(school: School, kind: str) -> None:
    count = 400
    school.a_student_wins()
    before = resident_kb(school.web.process.pid)
    with ExitStack() as sockets:
        for _ in range(count):
            held_open(sockets.enter_context(raw_socket(school.web.port)), kind)
        school.a_student_wins()
        grown = resident_kb(school.web.process.pid) - before
    assert grown / count < 64


def resident_kb(process_id: int) -> int:
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no such process")
