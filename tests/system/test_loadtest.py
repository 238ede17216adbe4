"""The load tester as people start it: against a server of its own, and against one that lies."""

import asyncio
import fcntl
import json
import sys
import termios
import time
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from loadtest.clients.tokens import NamedToken
from loadtest.storm.client_process import ClientPlan, ClientSlot, Command, run_clients
from loadtest.storm.recording import Recording
from tests.support.eventually import eventually
from tests.system.faulty_school import Fault, faulty_school

pytestmark = pytest.mark.asyncio

SECRET = "k7Jq2-vXw9Zr4Tn8Lm1Pb6Yc3Hd5Gf0Ss"
DEADLINE_S = 60
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ended:
    status: int
    said: str


async def loadtest(*arguments: str) -> Ended:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "loadtest", *arguments),
        cwd=_ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Ended(process.returncode, said.decode())


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    return file


async def storm_at(url: str, secret_file: Path, *more: str) -> Ended:
    asked = ("--students", "12", "--stock", "5", "--answer-seconds", "2", *more)
    return await loadtest("storm", "--url", url, "--secret-file", str(secret_file), *asked)


async def test_storm_on_a_server_of_its_own_holds_and_leaves_its_reports(tmp_path: Path) -> None:
    figures, page = tmp_path / "out" / "storm.json", tmp_path / "out" / "storm.html"

    ended = await loadtest(
        *("storm", "--students", "150", "--stock", "20", "--processes", "2", "--rooms", "2"),
        *("--json", str(figures), "--html", str(page), "--fail-on", "max_claim_ms=60000"),
    )

    assert ended.status == 0, ended.said
    assert "every promise held" in ended.said
    assert "open files" in ended.said
    told = json.loads(figures.read_text())
    assert told["figures"]["outcomes"] == {"sold_out": 55, "won": 20}
    assert told["figures"]["join"]["count"] == 150
    assert told["figures"]["push"]["count"] == 75
    assert told["failures"] == []
    assert_self_contained(page.read_text())


def assert_self_contained(page: str) -> None:
    """The report fetches nothing when it is opened: its script is inside."""
    assert "Who won, by arrival" in page
    assert "<script src=" not in page
    assert len(page) > 1_000_000


async def test_exceeded_gate_ends_with_status_one(secret_file: Path) -> None:
    async with faulty_school(Fault.NONE) as url:
        ended = await storm_at(url, secret_file, "--fail-on", "p50_push_ms=0")

    assert ended.status == 1
    assert "p50_push_ms" in ended.said


async def test_honest_server_passes(secret_file: Path) -> None:
    async with faulty_school(Fault.NONE) as url:
        ended = await storm_at(url, secret_file)

    assert ended.status == 0, ended.said


async def test_answer_that_comes_by_http_only_is_one(secret_file: Path) -> None:
    async with faulty_school(Fault.STAMMERS) as url:
        ended = await storm_at(url, secret_file, "--answer-seconds", "10")

    assert ended.status == 0, ended.said
    assert "1 × answered over HTTP" in ended.said


@pytest.mark.parametrize(
    ("fault", "finding"),
    [
        (Fault.OVERSELLS, "oversold: 6 told that they won, stock 5"),
        (Fault.LOSES, "lost: told that they won, not in the claims list"),
        (Fault.DOUBLES, "doubled: more than one claim in the list"),
    ],
)
async def test_server_that_breaks_a_promise_is_caught(
    fault: Fault, finding: str, secret_file: Path
) -> None:
    async with faulty_school(fault) as url:
        ended = await storm_at(url, secret_file)

    assert ended.status == 1, ended.said
    assert finding in ended.said


async def test_student_who_is_answered_neither_by_socket_nor_by_http_is_named(
    secret_file: Path,
) -> None:
    async with faulty_school(Fault.FORGETS) as url:
        ended = await storm_at(url, secret_file, "--answer-seconds", "3")

    assert ended.status == 1, ended.said
    assert "unanswered: tapped, never answered" in ended.said
    assert "unavailable over HTTP" in ended.said


async def test_server_that_is_not_there_could_not_be_tried(secret_file: Path) -> None:
    ended = await storm_at("http://127.0.0.1:9", secret_file)

    assert ended.status == 2
    assert "does not say that it is ready" in ended.said


async def test_more_students_than_the_machine_holds_are_refused_before_the_start(
    secret_file: Path,
) -> None:
    async with faulty_school(Fault.NONE) as url:
        ended = await storm_at(url, secret_file, "--students", "10000000", "--processes", "1")

    assert ended.status == 2
    assert "use --processes" in ended.said


async def test_recording_of_a_full_process_goes_through_its_pipe() -> None:
    """Far more than a pipe holds; nobody of this crowd ever sets out."""
    never = [ClientSlot(NamedToken(f"s{number}", "token"), 0, 3_600) for number in range(19_000)]
    plan = ClientPlan("http://127.0.0.1:9", ["algebra"], never, [], "mark", 1)
    ours, theirs = Pipe()
    running = asyncio.create_task(asyncio.to_thread(run_clients, plan, theirs))

    ours.send(time.monotonic_ns())
    ours.send(Command.FINISH)
    await eventually(lambda: _unread(ours) > 100_000)  # full: the rest has to wait for us
    async with asyncio.timeout(DEADLINE_S):
        heard = await asyncio.to_thread(_until_recording, ours)
        await running

    assert len(heard.names) == 19_000
    assert heard.joins == 0


def _unread(pipe: Connection) -> int:
    """Bytes."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def _until_recording(pipe: Connection) -> Recording:
    while pipe.poll(DEADLINE_S):
        message = pipe.recv()
        if isinstance(message, Recording):
            return message
    raise AssertionError("it did not come")


async def test_lesson_with_locusts_users_finds_nothing_but_the_gate_that_cannot_hold(
    tmp_path: Path,
) -> None:
    page = tmp_path / "load.html"

    ended = await loadtest(
        *("lesson", "--students", "30", "--stock", "5", "--seconds", "6", "--drop-every", "2"),
        *("--html", str(page), "--fail-on", "p50_push_ms=0", "p99_claim_ms=60000"),
    )

    assert ended.status == 1, ended.said
    (verdict,) = [line for line in ended.said.splitlines() if "verdict: " in line]
    assert "p50_push_ms" in verdict
    assert "Locust" in page.read_text()
    statistics = (tmp_path / "load_stats.csv").read_text()
    for name in ("join", "push_delay", "claim_round_trip", "confirm_delay"):
        assert f"room,{name}," in statistics
