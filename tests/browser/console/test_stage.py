"""A class by its run sheet: drops that open by themselves, stay open, open again, or only rehearse."""

import os
import re

from playwright.sync_api import Locator, Page, Route, expect

from server.core.identity import Role
from tests.browser.conftest import PHONE, Classroom

# A video that plays without a file: a canvas, drawn again and again, with its own clock.
_PLAY = """async ([room, token]) => {
  await import("/sdk/player-element.js");
  const player = document.createElement("classdrop-player");
  player.setAttribute("room", room);
  player.getToken = () => token;
  const video = document.createElement("video");
  video.muted = true;
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  setInterval(() => pen.fillRect(0, 0, Math.random() * 100, 100), 40);
  video.srcObject = canvas.captureStream(25);
  player.append(video);
  document.body.append(player);
  await video.play();
}"""


def shot(page: Page, name: str) -> None:
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}_{name}.png", full_page=True)


def open_now(teacher: Page, press: Locator) -> None:
    press.click()
    teacher.locator("#takeback .link").click()


def put_first(teacher: Page, drop: str) -> None:
    """Move the second drop up by the keyboard; it keeps the focus."""
    cards = teacher.locator("#ready .ready")
    expect(cards).to_have_count(2)
    expect(cards.locator(".cue").first).to_have_text("By hand")
    up = teacher.locator(f"[data-drop={drop}] .square").first
    up.focus()
    teacher.keyboard.press("Alt+ArrowUp")
    expect(cards.first).to_have_attribute("data-drop", drop)
    expect(teacher.locator(".stage-bar .spoken")).to_have_text("开学季专享: place 1 of 2")
    expect(up).to_be_focused()


def edit(teacher: Page, drop: str) -> None:
    """Give the drop five units, an open end, and a second of the video."""
    card = teacher.locator(f"[data-drop={drop}]")
    card.get_by_role("button", name="Edit").click()
    card.get_by_label("Opens", exact=True).select_option("video")
    card.get_by_label("Time of the video (min:s)").fill("0:xx")
    card.get_by_label("Quantity").fill("5")
    card.get_by_label("Until I end it").check(force=True)
    card.get_by_role("button", name="Save").click()
    expect(card.locator("form")).to_contain_text("A time like 12:30")
    card.get_by_label("Time of the video (min:s)").fill("0:01")
    shot(teacher, "edit")
    card.get_by_role("button", name="Save").click()
    expect(card.locator(".cue")).to_have_text("Opens at 0:01 of the video")
    expect(card).to_contain_text("× 5 · until you end it")


def play_under_a_hold(teacher: Page, room: str, token: str) -> None:
    """Play the video past the drop's second while the order is held: nothing opens until it goes on."""
    bar = teacher.locator(".stage-bar")
    expect(bar).to_contain_text("The class has not begun")
    bar.get_by_role("button", name="Begin class").click()
    expect(bar).to_contain_text("Minute 0 of the class")
    bar.get_by_role("button", name="Hold").click()
    expect(bar).to_contain_text("nothing opens by itself")
    teacher.evaluate(_PLAY, [room, token])
    expect(bar).to_contain_text(re.compile("Video at 0:0[1-9]"))
    expect(teacher.locator("#ready .ready")).to_have_count(2)
    shot(teacher, "held")
    bar.get_by_role("button", name="Resume").click()


def open_again(teacher: Page, drop: str) -> None:
    """End the drop and open it again: too many units are refused in words."""
    teacher.locator(f"#live [data-drop={drop}]").get_by_role("button", name="End drop").click()
    teacher.locator("#ask [value=yes]").click()
    ended = teacher.locator(f".live-drop[data-drop={drop}]")
    ended.get_by_role("button", name="Open again").first.click()
    ended.get_by_label("How many more").fill("1000")
    ended.locator("form .main").click()
    expect(ended.locator(".reopen .press")).to_contain_text("Not enough stock: 100 left")
    shot(teacher, "reopen")
    ended.get_by_label("How many more").fill("2")
    ended.locator("form .main").click()


def test_a_class_by_its_run_sheet(classroom: Classroom) -> None:
    batch = classroom.batch()
    first = str(classroom.drop(batch, quantity=3, start="prepared")["id"])
    second = str(classroom.drop(batch, quantity=4, start="prepared", message="二")["id"])
    teacher, amy = classroom.teacher("en-US"), classroom.student("amy", "en-US")

    put_first(teacher, second)
    edit(teacher, first)
    play_under_a_hold(teacher, classroom.room, classroom.token(Role.INSTRUCTOR, "ms-li"))
    live = teacher.locator(f"#live [data-drop={first}]")
    expect(live.locator(".time")).to_have_text("Until you end it")
    expect(live.get_by_text("Extend")).to_be_hidden()
    expect(amy.locator("classdrop-room .figures")).to_contain_text("Until all are gone")
    shot(teacher, "open_end")

    open_again(teacher, first)
    expect(live.locator(".left")).to_contain_text("2 of")
    expect(live.get_by_text("Extend")).to_be_visible()  # its new end can be moved
    expect(live.locator(".time")).to_contain_text("Closes in")
    amy.locator("classdrop-room .claim").click()
    expect(amy.locator("classdrop-room .card")).to_have_attribute("data-phase", "confirmed")
    shot(teacher, "reopened")

    teacher.locator(f"[data-drop={second}]").get_by_role("button", name="Delete").click()
    teacher.locator("#ask [value=yes]").click()
    expect(teacher.locator("#ready .ready")).to_have_count(0)
    expect(teacher.locator(".stage-bar")).to_be_hidden()
    classroom.watched.forgive("409")  # the stock that was short


def test_a_move_is_written_again_where_another_teacher_was_faster(classroom: Classroom) -> None:
    batch = classroom.batch()
    first = str(classroom.drop(batch, quantity=3, start="prepared")["id"])
    second = str(classroom.drop(batch, quantity=4, start="prepared")["id"])
    teacher, path = classroom.teacher("en-US"), f"/v1/rooms/{classroom.room}/running-order"
    answers: list[int] = []

    def interfere(route: Route) -> None:
        """Let another teacher write between the page's read and its first write."""
        if route.request.method == "PUT" and not answers:
            version = classroom.operator.get(path).json()["version"]
            theirs = [{"drop_id": first}, {"drop_id": second, "minute": 7}]
            answer = classroom.operator.put(path, json={"entries": theirs, "version": version})
            assert answer.is_success, answer.text
        answered = route.fetch()
        if route.request.method == "PUT":
            answers.append(answered.status)
        route.fulfill(response=answered)

    teacher.route(f"**{path}", interfere)
    put_first(teacher, second)

    cards = teacher.locator("#ready .ready")
    expect(cards.first.locator(".cue")).to_contain_text("7")
    assert answers == [409, 200]
    order = classroom.operator.get(path).json()["entries"]
    assert [(one["drop_id"], one.get("minute")) for one in order] == [(second, 7), (first, None)]
    classroom.watched.forgive("409")  # the version that was old


def test_a_drop_that_was_prepared_before_fifty_others_is_in_the_run_sheet(
    classroom: Classroom,
) -> None:
    batch = classroom.batch(quantity=100)
    oldest = str(classroom.drop(batch, quantity=1, start="prepared", message="早")["id"])
    for _ in range(50):
        classroom.drop(batch, quantity=1, start="prepared")

    teacher = classroom.teacher()

    expect(teacher.locator("#ready .ready")).to_have_count(51)
    expect(teacher.locator(f"#ready [data-drop={oldest}]")).to_contain_text("早")


def test_a_rehearsal_is_marked_and_only_its_testers_see_it(classroom: Classroom) -> None:
    classroom.batch()
    teacher = classroom.enter(
        classroom.context("zh-CN", PHONE), f"/console/{classroom.room}", Role.INSTRUCTOR, "ms-li"
    )
    amy, ben = classroom.student("amy"), classroom.student("ben")
    for page in (amy, ben):
        expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    form = teacher.locator("#new")
    form.get_by_label("彩排").check()
    form.locator(".main").click()
    expect(form.locator("#testers-error")).to_have_text("请填写测试学员的编号。")
    form.get_by_label("测试学员编号").fill(classroom.name("amy"))
    form.get_by_label("到某个时间").check(force=True)
    shot(teacher, "form")
    open_now(teacher, form.locator(".main"))

    live = teacher.locator("#live .live-drop")
    expect(live).to_have_attribute("data-rehearsal", "")
    expect(live.locator(".audience")).to_have_text("彩排，不计入任何数字：1 位测试学员")
    expect(amy.locator("classdrop-room .rehearsal")).to_contain_text("彩排")
    amy.locator("classdrop-room .claim").click()
    expect(amy.locator("classdrop-room .card")).to_have_attribute("data-phase", "confirmed")
    expect(ben.locator("#empty")).to_be_visible()
    shot(amy, "rehearsal_amy")
    shot(teacher, "rehearsal")
