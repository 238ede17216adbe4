"""The page for the projector: a drop from its countdown to its end, masked winners, and a draw."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Classroom

SHOTS: Path | None = None  # a folder, to look at the page


def shot(page: Page, name: str) -> None:
    if SHOTS is not None:
        page.screenshot(path=SHOTS / f"{name}.png")


def a_screen(classroom: Classroom, locale: str = "zh-CN") -> Page:
    """Return the page on a projector, by a link as the console makes it."""
    link = classroom._post(f"/v1/rooms/{classroom.room}/screen", {})
    context = classroom.browser.new_context(locale=locale, viewport={"width": 1920, "height": 1080})
    context.on("page", classroom.watched.watch)
    classroom.contexts.callback(context.close)
    page = context.new_page()
    page.goto(f"{classroom.url}/screen/{classroom.room}#token={link['token']}")
    return page


def test_a_class_sees_the_clock_what_is_left_and_who_won(classroom: Classroom) -> None:
    screen = a_screen(classroom)
    expect(screen.locator("#waiting")).to_have_text("下一张券马上就来")
    shot(screen, "waiting_zh")
    student = classroom.student("amy")
    expect(screen.locator("#present")).to_have_text("在线 1")
    batch = classroom.batch()
    drop = classroom.drop(
        batch, 3, opens_in_seconds=6, show_winners=True, message="前 3 名，手快有手慢无"
    )
    expect(screen.locator("#value")).to_have_text("¥10")
    expect(screen.locator("#state")).to_have_text("距开抢")
    expect(screen.locator("#state")).to_have_text("距结束")
    expect(screen.locator("#left")).to_have_text("剩余 3 / 3 张")
    expect(screen.locator("#qr img")).to_be_visible()
    student.get_by_role("button", name="立即领取").click()
    expect(screen.locator("#left")).to_have_text("剩余 2 / 3 张")
    expect(screen.locator("#winner-names li")).to_have_text(["A***"])
    screen.reload()
    expect(screen.locator("#winner-names li")).to_have_text(["A***"])
    shot(screen, "open_zh")
    screen.emulate_media(color_scheme="dark", reduced_motion="reduce")
    shot(screen, "open_zh_dark")
    screen.set_viewport_size({"width": 1280, "height": 800})
    screen.wait_for_function("document.documentElement.scrollHeight <= innerHeight")
    shot(screen, "open_zh_laptop")
    assert screen.locator("button, a, input").count() == 0, "nothing can be done here"

    classroom._post(f"/v1/rooms/{classroom.room}/drops/{drop['id']}/close", {})
    expect(screen.locator("#state")).to_have_text("已结束")
    shot(screen, "closed_zh")
    classroom.drop(batch, 2, mode="draw", message="Everybody who taps is in")
    english = a_screen(classroom, "en")
    expect(english.locator("#left")).to_have_text("2 to be drawn")
    expect(english.locator("#conditions")).to_contain_text("Fingerprint of the draw")
    shot(english, "draw_en")


def test_a_teacher_opens_the_screen_and_it_has_nothing_of_the_teacher(
    classroom: Classroom,
) -> None:
    teacher = classroom.teacher()
    teacher.get_by_role("button", name="大屏").click()
    shot(teacher, "console_screen_zh")
    with teacher.context.expect_page() as opened:
        teacher.get_by_role("link", name="打开大屏").click()
    wall = opened.value
    expect(wall.locator("#waiting")).to_be_visible()
    token = f"classdrop.token.screen/{classroom.room}"
    assert wall.evaluate("Object.keys(sessionStorage)") == [token]
