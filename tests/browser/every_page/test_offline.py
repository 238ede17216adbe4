"""No network, or a server that is stopped: what the page says, what it keeps, what it never sends late."""

import asyncio
import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, Classroom, classroom_at
from tests.browser.room.test_live_class import Line, claim, expect_phase, live
from tests.support.servers.stack import SECRET, Program, Programs

# Time until a page has noticed that a server is silent, and until it has noticed that it answers again.
NOTICED_MS = 20_000


@pytest.fixture(scope="module")
def stoppable_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Run a service of its own: this test stops it, and no other test has to wait."""
    programs = Programs(tmp_path_factory.mktemp("stopped"))
    program = programs.start([], {"CLASSDROP_SECRET": SECRET})
    try:
        # Playwright's loop runs in this thread already.
        with ThreadPoolExecutor(1) as threads:
            threads.submit(lambda: asyncio.run(program.until_ready())).result()
        yield program
    finally:
        programs.stop()


@pytest.fixture
def lesson(stoppable_service: Program, browser: Browser) -> Iterator[Classroom]:
    with classroom_at(stoppable_service.url, browser) as found:
        found.watched.offline = True
        yield found
    assert found.watched.complaints == []


@contextmanager
def stopped(program: Program) -> Iterator[None]:
    """Stop the processes by SIGSTOP: connections stay open, and nothing is answered."""
    webs = [pid for pid in program.family() if "server web" in _command_line(pid)]
    assert webs
    for pid in webs:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in webs:
            os.kill(pid, signal.SIGCONT)


def _command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def teacher_on_a_line(classroom: Classroom) -> tuple[Page, Line]:
    context = classroom.context("en-US", LAPTOP)
    line = Line(context)
    path = f"/console/{classroom.room}"
    return classroom.enter(context, path, Role.INSTRUCTOR, "ms-li"), line


def test_without_a_network_a_tap_is_kept_and_goes_out_on_return(classroom: Classroom) -> None:
    classroom.drop(classroom.batch())
    context = classroom.context("en-US")
    line = Line(context)
    amy = classroom.enter(context, f"/rooms/{classroom.room}", Role.STUDENT, "amy")
    expect_phase(amy, "open")
    classroom.watched.offline = True
    line.cut()
    expect(amy.locator("#connection")).to_have_text("Offline")
    expect(amy.locator("#present")).to_have_text(re.compile(r"^Figures as of \d\d:\d\d:\d\d$"))
    expect(amy.locator("classdrop-room .left")).to_have_text(
        re.compile(r"10 left \(as of \d\d:\d\d:\d\d\)")
    )

    claim(amy)

    expect(amy.locator("classdrop-room .claim")).to_have_text("Waiting for the network…")
    expect(amy.locator("classdrop-room .note")).to_contain_text("We keep your tap")
    line.mend()
    expect_phase(amy, "confirmed")
    live(amy)


def test_a_browser_that_says_it_is_offline_is_believed_while_its_socket_is_open(
    classroom: Classroom,
) -> None:
    context = classroom.context("zh-CN")
    amy = classroom.enter(context, f"/rooms/{classroom.room}", Role.STUDENT, "amy")
    live(amy)
    classroom.watched.offline = True
    context.set_offline(True)
    expect(amy.locator("#connection")).to_have_text("已离线")
    expect(amy.locator("#trouble")).to_contain_text("我们会保留你的点击")
    context.set_offline(False)
    live(amy)
    expect(amy.locator("#trouble")).to_be_hidden()


def test_what_a_teacher_presses_offline_is_refused_at_once_and_never_sent(
    classroom: Classroom,
) -> None:
    batch = classroom.batch()
    classroom.drop(batch, quantity=10)
    classroom.drop(batch, quantity=3, start="prepared")
    teacher, line = teacher_on_a_line(classroom)
    card = teacher.locator("#live .live-drop")
    expect(card.locator(".left")).to_have_text("10 of 10 left")
    expect(teacher.locator("#ready .ready")).to_have_count(1)
    classroom.watched.offline = True
    line.cut()
    expect(teacher.locator("#connection")).to_have_text("Offline")
    expect(card.locator(".left")).to_have_text(
        re.compile(r"10 of 10 left \(as of \d\d:\d\d:\d\d\)")
    )

    for button in (
        card.get_by_role("button", name="+10"),
        card.get_by_role("button", name="+5 min"),
        card.locator(".danger"),
    ):
        button.click()
        expect(card.locator(".press")).to_contain_text("You are offline: nothing was sent")
    for place in ("#ready .main", "#new .main"):
        teacher.locator(place).click()
    expect(teacher.locator("#ready .press")).to_contain_text("nothing was sent")
    expect(teacher.locator("#new .press")).to_contain_text("nothing was sent")
    expect(teacher.locator("#takeback")).to_be_hidden()

    line.mend()
    live(teacher)
    expect(card.locator(".left")).to_have_text("10 of 10 left")
    expect(teacher.locator("#ready .ready")).to_have_count(1)


def test_a_stopped_server_is_not_called_busy_and_the_tap_is_kept(
    lesson: Classroom, stoppable_service: Program
) -> None:
    lesson.drop(lesson.batch())
    amy = lesson.student("amy", "en-US")
    expect_phase(amy, "open")
    with stopped(stoppable_service):
        claim(amy)
        expect(amy.locator("classdrop-room .note")).to_contain_text(
            "The server does not answer. We keep your tap", timeout=NOTICED_MS
        )
        expect(amy.locator("#connection")).to_have_text("No answer")
    expect(amy.locator("classdrop-room .card")).to_have_attribute(
        "data-phase", "confirmed", timeout=NOTICED_MS
    )


def test_a_press_that_a_stopped_server_does_not_answer_can_be_given_up_and_is_looked_up(
    lesson: Classroom, stoppable_service: Program
) -> None:
    lesson.drop(lesson.batch(), quantity=10, duration_seconds=300)
    teacher = lesson.teacher("en-US")
    card = teacher.locator("#live .live-drop")
    expect(card.locator(".left")).to_have_text("10 of 10 left")
    with stopped(stoppable_service):
        card.get_by_role("button", name="+10").click()
        expect(card.locator(".press")).to_contain_text(re.compile(r"… \d+ s"))
        card.locator(".press button").click()
        expect(card.locator(".press")).to_contain_text("Looking what became of it… ")
        card.locator(".press button").click()
        expect(card.locator(".press button")).to_have_text("Check what became of it")
    # It is looked up without a press, and the card shows the outcome.
    expect(card.locator(".press")).to_contain_text("Checked: it was", timeout=NOTICED_MS)
    said = card.locator(".press").inner_text()
    left = "20 of 20 left" if "it was done" in said else "10 of 10 left"
    expect(card.locator(".left")).to_have_text(left)  # what was found may be drawn a moment later


def test_a_new_drop_whose_answer_is_lost_is_found_again_and_made_once(
    lesson: Classroom, stoppable_service: Program
) -> None:
    lesson.batch()
    teacher = lesson.teacher("en-US")
    expect(teacher.locator("#new .cost")).to_be_visible()
    with stopped(stoppable_service):
        teacher.get_by_role("button", name="Prepare").click()
        expect(teacher.locator("#new .press")).to_contain_text(re.compile(r"… \d+ s"))
        teacher.locator("#new .press button").click()
    expect(teacher.locator("#new .press")).to_contain_text("Checked: it was", timeout=NOTICED_MS)
    if "not done" in teacher.locator("#new .press").inner_text():
        teacher.get_by_role("button", name="Prepare").click()
    expect(teacher.locator("#ready .ready")).to_have_count(1)


@pytest.mark.parametrize("path", ["/checkout?course=algebra-1", "/orders"])
def test_the_shop_says_that_it_is_offline_and_reads_again_on_return(
    lesson: Classroom, path: str
) -> None:
    context = lesson.context("en-US")
    page = lesson.enter(context, path, Role.STUDENT, "amy")
    expect(page.locator("#language")).to_be_visible()
    expect(page.locator("#offline")).to_be_hidden()
    page.wait_for_load_state("networkidle")

    context.set_offline(True)
    expect(page.locator("#offline")).to_have_text(
        re.compile(r"You are offline. What you see is as of \d\d:\d\d:\d\d;")
    )

    with page.expect_response(re.compile("/shop/orders")):
        context.set_offline(False)
    expect(page.locator("#offline")).to_be_hidden()


def test_an_order_that_is_placed_offline_is_refused_at_once_and_never_sent(
    lesson: Classroom,
) -> None:
    context = lesson.context("en-US")
    page = lesson.enter(context, "/checkout?course=algebra-1", Role.STUDENT, "amy")
    expect(page.locator("dd[data-sum=payable]")).to_have_text("¥80.00")
    sent: list[str] = []
    context.set_offline(True)
    page.locator("#pay").click()
    expect(page.locator("#trouble")).to_be_visible()
    page.on("request", lambda request: sent.append(f"{request.method} {request.url}"))

    with page.expect_response(re.compile("/shop/orders")):
        context.set_offline(False)
    expect(page.locator("#offline")).to_be_hidden()
    assert [each for each in sent if each.startswith("PUT ") or "/orders/" in each] == []
