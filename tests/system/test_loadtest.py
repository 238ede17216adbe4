"""The load tester as people start it: against a server of its own, and against one that lies."""

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

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
    """Nothing is fetched when it is opened: its script is inside."""
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


@pytest.mark.parametrize(
    ("fault", "finding"),
    [
        (Fault.OVERSELLS, "oversold: 6 told that they won, stock 5"),
        (Fault.LOSES, "lost: told that they won, not in the claims list"),
        (Fault.DOUBLES, "doubled: more than one claim in the list"),
        (Fault.FORGETS, "unanswered: tapped, never answered"),
    ],
)
async def test_server_that_breaks_a_promise_is_caught(
    fault: Fault, finding: str, secret_file: Path
) -> None:
    async with faulty_school(fault) as url:
        ended = await storm_at(url, secret_file)

    assert ended.status == 1, ended.said
    assert finding in ended.said


async def test_server_that_is_not_there_could_not_be_tried(secret_file: Path) -> None:
    ended = await storm_at("http://127.0.0.1:9", secret_file)

    assert ended.status == 2
    assert "does not say that it is ready" in ended.said


async def test_more_students_than_the_machine_holds_are_refused_before_the_start(
    secret_file: Path,
) -> None:
    async with faulty_school(Fault.NONE) as url:
        ended = await storm_at(url, secret_file, "--students", "10000000")

    assert ended.status == 2
    assert "use --processes" in ended.said
