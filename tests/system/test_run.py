"""`python -m server`: everything up with one command, and nothing left behind by it."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.eventually import eventually
from tests.support.servers.stack import Program, Programs, free_port

pytestmark = pytest.mark.asyncio

GONE_WITHIN_SECONDS = 5.0


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def service(programs: Programs, data_dir: Path) -> Program:
    return start(programs, data_dir)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """One service for all tests that only look at it."""
    programs = Programs(tmp_path_factory.mktemp("undisturbed"))
    yield programs.start()
    programs.stop()


def start(programs: Programs, data_dir: Path, **settings: str) -> Program:
    return programs.start([], {"CLASSDROP_DATA_DIR": str(data_dir), **settings})


def pids(program: Program, title: str) -> list[int]:
    """Its processes whose command line says `title`."""
    return [pid for pid in program.family() if title in _command_line(pid)]


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


async def links(program: Program) -> dict[str, str]:
    """Return the links it printed when it was ready: person -> link."""
    found = await eventually(
        lambda: dict(
            re.findall(r"^  (teacher|student 1|student 2|checkout) +(\S+)$", *_text(program))
        ),
        deadline_s=20,
    )
    assert len(found) == 4, program.output
    return found


def _text(program: Program) -> tuple[str, re.RegexFlag]:
    return program.output, re.MULTILINE


async def drops_seen_by_teacher(program: Program) -> list[str]:
    token = (await links(program))["teacher"].partition("#token=")[2]
    async with httpx.AsyncClient(base_url=program.url) as client:
        answer = await client.get(
            "/v1/rooms/demo/drops", headers={"Authorization": f"Bearer {token}"}
        )
    assert answer.status_code == 200, answer.text
    assert {drop["state"] for drop in answer.json()["drops"]} == {"prepared"}
    return [drop["id"] for drop in answer.json()["drops"]]


async def test_links_lead_to_pages_that_are_there(undisturbed: Program) -> None:
    found = await links(undisturbed)

    async with httpx.AsyncClient() as client:
        for link in found.values():
            page = await client.get(link.partition("#")[0])
            assert page.status_code == 200, link
            assert page.headers["content-type"].startswith("text/html")


async def test_short_links_stand_last_and_lead_where_the_long_ones_do(undisturbed: Program) -> None:
    found = await links(undisturbed)
    short = re.findall(r"^  (http://\S+/s/\w{8})  (.+)$", *_text(undisturbed))
    assert [name for _, name in short] == [
        "teacher",
        "student 1",
        "student 2",
        "checkout",
        "operator",
    ]
    async with httpx.AsyncClient() as client:
        answer = await client.get(short[0][0])
    assert f"{undisturbed.url}{answer.headers['location']}" == found["teacher"]


async def test_a_wrong_address_is_a_page_for_people_and_a_problem_for_programs(
    undisturbed: Program,
) -> None:
    await undisturbed.until_ready()
    people = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    async with httpx.AsyncClient(base_url=undisturbed.url) as client:
        lost = await client.get("/nowhere", headers=people)
        wrong = await client.post("/rooms/demo", headers=people)
        program = await client.get("/nowhere")
        api = await client.get("/v1/nowhere", headers=people)
    assert (lost.status_code, wrong.status_code) == (404, 405)
    assert lost.headers["content-type"].startswith("text/html")
    assert wrong.headers["content-type"].startswith("text/html")
    assert "GET" in wrong.headers["allow"]
    for answer in (program, api):
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


async def test_ctrl_c_ends_everything_in_time_and_the_next_start_finds_its_data(
    service: Program, programs: Programs, data_dir: Path
) -> None:
    prepared = await drops_seen_by_teacher(service)
    assert len(prepared) == 2

    service.signal(signal.SIGINT)
    asked_at = time.monotonic()
    assert service.wait(GONE_WITHIN_SECONDS) == 0
    assert time.monotonic() - asked_at < GONE_WITHIN_SECONDS
    assert service.family() == set()

    again = start(programs, data_dir)
    assert await drops_seen_by_teacher(again) == prepared


async def test_no_token_is_in_the_log(undisturbed: Program) -> None:
    await drops_seen_by_teacher(undisturbed)

    assert "web_up" in undisturbed.errors
    assert "eyJ" not in undisturbed.errors


async def test_second_service_on_the_same_folder_is_refused_with_one_line(
    undisturbed: Program, programs: Programs
) -> None:
    await undisturbed.until_ready()

    second = start(programs, undisturbed.data_dir)

    assert second.wait(15) == 2
    assert "is in use by another Classdrop" in second.errors
    assert str(undisturbed.process.pid) in second.errors
    assert len(second.errors.splitlines()) == 1


async def test_taken_port_is_refused_with_one_line(
    undisturbed: Program, programs: Programs, tmp_path: Path
) -> None:
    await undisturbed.until_ready()

    second = start(programs, tmp_path / "other", CLASSDROP_PORT=str(undisturbed.port))

    assert second.wait(15) == 2
    assert second.errors.startswith("classdrop: CLASSDROP_PORT: ")
    assert len(second.errors.splitlines()) == 1


async def test_kill_of_the_parent_leaves_nothing_behind_and_the_folder_free(
    programs: Programs, data_dir: Path
) -> None:
    port = str(free_port())
    service = start(programs, data_dir, CLASSDROP_PROCESSES="2", CLASSDROP_PORT=port)
    await service.until_ready()
    assert len(service.family()) == 5  # it, Redis, a worker, two web

    service.kill9()

    await eventually(lambda: not service.family())
    again = start(programs, data_dir, CLASSDROP_PORT=port)
    await again.until_ready()


async def test_child_that_was_killed_comes_back(service: Program) -> None:
    await service.until_ready()

    for title in ("redis.sock", "server worker", "server web"):  # Redis or Valkey
        (killed,) = pids(service, title)
        os.kill(killed, signal.SIGKILL)
        await eventually(lambda: others(service, title, killed), deadline_s=10)  # noqa: B023
    await service.until_ready()


def others(program: Program, title: str, pid: int) -> list[int]:
    return [other for other in pids(program, title) if other != pid]


async def test_a_sample_shop_that_was_said_to_be_shut_stays_shut(
    programs: Programs, data_dir: Path
) -> None:
    program = start(programs, data_dir, CLASSDROP_DEMO_SHOP="0")
    await program.until_ready()
    async with httpx.AsyncClient(base_url=program.url) as client:
        assert (await client.get("/shop/catalogue")).status_code == 404
    await eventually(lambda: "Ctrl-C" in program.output)
    assert "/checkout" not in program.output
