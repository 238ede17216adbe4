"""A teacher and students in one room, from the press to the confirmed coupon."""

import re

from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect

from server.core.identity import Role
from tests.browser.conftest import Classroom


def claim(page: Page) -> None:
    page.locator("classdrop-room .claim").click()


def expect_phase(page: Page, phase: str) -> None:
    expect(page.locator("classdrop-room .card").first).to_have_attribute("data-phase", phase)


def live(page: Page) -> None:
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")


def test_a_press_reaches_both_students_and_a_tap_ends_confirmed(classroom: Classroom) -> None:
    classroom.drop(classroom.batch(), quantity=2, start="prepared", message="做对的同学有奖")
    teacher, amy, ben = classroom.teacher(), classroom.student("amy"), classroom.student("ben")
    live(amy)
    live(ben)
    expect(amy.locator("#empty")).to_be_visible()

    teacher.locator("#ready .main").click()
    teacher.locator("#takeback .link").click()  # send at once

    for student in (amy, ben):
        expect(student.locator("classdrop-room .figure")).to_have_text("10")
        expect(student.locator("classdrop-room .message")).to_contain_text("做对的同学有奖")
    claim(amy)
    expect_phase(amy, "confirmed")
    expect(amy.locator("classdrop-room code")).not_to_be_empty()
    expect(amy.locator("#coupons .coupon")).to_have_count(1)
    expect_phase(ben, "open")

    drop = teacher.locator("#live .live-drop")
    expect(drop.locator("[data-counter=claimed]")).to_have_text("1")
    expect(drop.locator("[data-counter=present]")).to_have_text("2")
    expect(drop.locator(".left")).to_have_text("剩余 1 / 2")


def test_the_last_unit_taken_the_next_student_is_told_and_a_top_up_lets_them_in(
    classroom: Classroom,
) -> None:
    classroom.drop(classroom.batch(), quantity=1)
    teacher, amy, ben = classroom.teacher(), classroom.student("amy"), classroom.student("ben")
    live(ben)
    claim(amy)
    expect_phase(amy, "confirmed")
    expect_phase(ben, "sold_out")
    expect(ben.locator("classdrop-room .headline")).to_have_text("来晚一步")

    teacher.locator("#live .controls button").first.click()  # +10
    expect(teacher.locator("#live .left")).to_have_text("剩余 10 / 11")
    claim(ben)
    expect_phase(ben, "confirmed")


def test_three_seconds_to_take_a_press_back(classroom: Classroom) -> None:
    classroom.drop(classroom.batch(), start="prepared")
    teacher, amy = classroom.teacher(), classroom.student()
    live(amy)

    teacher.locator("#ready .main").click()
    expect(teacher.locator("#takeback")).to_be_visible()
    teacher.keyboard.press("Escape")

    expect(teacher.locator("#takeback")).to_be_hidden()
    expect(teacher.locator("#ready .ready")).to_have_count(1)
    expect(amy.locator("#empty")).to_be_visible()


def test_a_press_left_alone_is_sent_after_three_seconds(classroom: Classroom) -> None:
    classroom.batch()
    teacher, amy = classroom.teacher(), classroom.student()
    live(amy)
    expect(teacher.locator("#new .cost")).to_have_text("最多优惠 ¥500 (50 张 × ¥10)")
    teacher.locator("#message").fill("这一题的奖励")
    teacher.locator("#new .main").click()
    expect(amy.locator("classdrop-room .message")).to_contain_text("这一题的奖励")


def test_a_countdown_can_be_cancelled_before_it_opens(classroom: Classroom) -> None:
    classroom.drop(classroom.batch(), opens_in_seconds=60)
    teacher, amy = classroom.teacher(), classroom.student()
    expect_phase(amy, "scheduled")
    expect(amy.locator("classdrop-room .claim")).to_have_attribute("aria-disabled", "true")
    teacher.locator("#live .danger").click()
    expect_phase(amy, "closed")


def test_a_countdown_opens_by_itself(classroom: Classroom) -> None:
    amy = classroom.student()
    live(amy)
    # She is in the room before the drop, so that the time to load the page decides nothing.
    classroom.drop(classroom.batch(), opens_in_seconds=3)
    expect_phase(amy, "scheduled")
    expect_phase(amy, "open")
    claim(amy)
    expect_phase(amy, "confirmed")


def test_ending_a_drop_asks_first_and_gives_back_what_is_left(classroom: Classroom) -> None:
    classroom.drop(classroom.batch(), quantity=5)
    teacher, amy = classroom.teacher(), classroom.student()
    expect_phase(amy, "open")
    teacher.locator("#live .danger").click()
    teacher.locator("#ask [value=yes]").click()
    expect_phase(amy, "closed")
    teacher.locator("#past-box summary").first.click()
    expect(teacher.locator("#past .left")).to_have_text("已退回批次 5 张")


def test_more_time_moves_the_end_for_everybody(classroom: Classroom) -> None:
    classroom.drop(classroom.batch(), duration_seconds=30)
    teacher, amy = classroom.teacher(), classroom.student()
    teacher.get_by_role("button", name="+5 分钟").click()
    expect(amy.locator("classdrop-room .clock")).to_have_text(re.compile(r"5:\d\d"))


def test_a_teacher_looks_up_one_student(classroom: Classroom) -> None:
    classroom.drop(classroom.batch())
    teacher, amy = classroom.teacher(), classroom.student("amy")
    student = classroom.name("amy")
    claim(amy)
    expect_phase(amy, "confirmed")
    teacher.locator("#live details summary", has_text="查一位学生").click()
    teacher.locator("#live details input").fill(student)
    teacher.keyboard.press("Enter")
    expect(teacher.locator("#live details .hint[role=status]")).to_contain_text("已入账")
    teacher.locator("#live details input").fill("nobody")
    teacher.keyboard.press("Enter")
    expect(teacher.locator("#live details .hint[role=status]")).to_have_text("nobody 还没有领到")


def test_a_student_who_was_away_comes_back_to_what_everybody_sees(classroom: Classroom) -> None:
    batch = classroom.batch()
    context = classroom.context()
    line = Line(context)
    amy = classroom.enter(context, f"/rooms/{classroom.room}", Role.STUDENT, "amy")
    live(amy)
    classroom.watched.offline = True
    line.cut()
    expect(amy.locator("#connection")).to_have_text("已离线")
    classroom.drop(batch)
    line.mend()
    expect_phase(amy, "open")
    claim(amy)
    expect_phase(amy, "confirmed")
    amy.reload()
    expect_phase(amy, "confirmed")


class Line:
    """A network that can be cut. Chromium's offline mode alone leaves open sockets open."""

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self._sockets: list[WebSocketRoute] = []
        self._is_cut = False
        context.route_web_socket(re.compile("/v1/rooms/"), self._opened)

    def _opened(self, socket: WebSocketRoute) -> None:
        if self._is_cut:
            socket.close()
        else:
            socket.connect_to_server()
            self._sockets.append(socket)

    def cut(self) -> None:
        self._is_cut = True
        self._context.set_offline(True)
        for socket in self._sockets:
            socket.close()

    def mend(self) -> None:
        self._is_cut = False
        self._context.set_offline(False)


def test_a_card_put_aside_comes_back(classroom: Classroom) -> None:
    classroom.drop(classroom.batch())
    amy = classroom.student()
    amy.locator("classdrop-room .dismiss").click()
    expect(amy.locator("classdrop-room .card")).to_have_count(0)
    chip = amy.locator("classdrop-room .chip")
    expect(chip).to_be_focused()
    chip.press("Enter")
    expect(amy.locator("classdrop-room .claim")).to_be_focused()
