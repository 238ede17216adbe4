"""Draws in a browser: the page that checks one, and the console that makes, ends and calls one off."""

import secrets
from pathlib import Path

import httpx
from playwright.sync_api import Page, Route, expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, Classroom
from tests.browser.console.test_screen import a_screen

SHOTS: Path | None = None  # a folder, to look at the page


def shot(page: Page, name: str) -> None:
    if SHOTS is not None:
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def enter_draw(classroom: Classroom, drop_id: str, student: str) -> None:
    digits = secrets.token_hex(16)
    answer = httpx.post(
        f"{classroom.url}/v1/drops/{drop_id}/claims",
        json={"request_id": digits, "client_random": digits},
        headers={"Authorization": f"Bearer {classroom.token(Role.STUDENT, student)}"},
    )
    assert answer.json()["outcome"] == "entered", answer.text


def test_a_student_checks_a_draw_and_finds_the_own_entry(classroom: Classroom) -> None:
    drop_id = str(classroom.drop(classroom.batch(), 2, mode="draw")["id"])
    for student in ("amy", "ben", "cas", "dan", "eve"):
        enter_draw(classroom, drop_id, student)
    path = f"/drops/{drop_id}/draw"
    page = classroom.enter(classroom.context(), path, Role.STUDENT, "amy")
    expect(page.locator("#verdict")).to_have_text("还没有抽取")
    expect(page.locator("#facts")).to_contain_text("指纹")
    shot(page, "draw_open_zh")

    drop = f"/v1/rooms/{classroom.room}/drops/{drop_id}"
    classroom._post(f"{drop}/close", {})
    expect(page.locator("#verdict")).to_have_text("全部相符")
    expect(page.locator("#checks li[data-check=good]")).to_have_count(5)
    expect(page.locator("#mine")).to_contain_text("你是第 1 个参加的")
    expect(page.locator("#winners li")).to_have_count(2)
    first = page.locator("#winners li").first.inner_text()
    page.get_by_label("输入凭证上的号码或指纹").fill(first)
    page.get_by_role("button", name="查找").click()
    expect(page.locator("#found")).to_have_text(f"第 {first} 位：中签，第 1 个抽出。")
    shot(page, "draw_good_zh")
    with page.expect_download() as saved:
        page.get_by_role("button", name="保存证明文件").click()

    def swapped(route: Route) -> None:
        answer = route.fetch()
        proof = answer.json()
        proof["leaves"][0], proof["leaves"][1] = proof["leaves"][1], proof["leaves"][0]
        route.fulfill(response=answer, json=proof)

    page.route(f"**/v1/drops/{drop_id}/draw", swapped)
    page.reload()
    expect(page.locator("#verdict")).to_have_text("不相符！")
    expect(page.locator("#checks li[data-check=bad]")).to_have_count(2)  # the root, and amy's place
    shot(page, "draw_bad_zh")

    stranger = classroom.context("en", LAPTOP).new_page()
    stranger.emulate_media(color_scheme="dark")
    stranger.goto(f"{classroom.url}{path}")
    expect(stranger.locator("#verdict")).to_contain_text("Open this page from your room")
    stranger.locator("#file").set_input_files(saved.value.path())
    expect(stranger.locator("#verdict")).to_have_text("Everything is as it must be")
    shot(stranger, "draw_good_en_dark")


def test_pages_that_are_loaded_after_a_draw_show_who_won(classroom: Classroom) -> None:
    drop = classroom.drop(classroom.batch(), 1, mode="draw", show_winners=True)
    amy, ben = classroom.student("amy"), classroom.student("ben")
    amy.locator("classdrop-room .claim").click()
    expect(amy.locator("classdrop-room .card")).to_have_attribute("data-phase", "entered")
    winners = ben.locator("classdrop-room .winners")
    expect(winners).to_be_hidden()

    classroom._post(f"/v1/rooms/{classroom.room}/drops/{drop['id']}/close", {})

    expect(winners).to_have_text("A*** 已领到")
    ben.reload()
    expect(winners).to_have_text("A*** 已领到")
    expect(winners).to_be_visible()
    shot(ben, "room_after_draw_zh")
    screen = a_screen(classroom)
    expect(screen.locator("#winner-names li")).to_have_text(["A***"])


def test_a_draw_that_was_called_off_says_so(classroom: Classroom) -> None:
    drop_id = str(classroom.drop(classroom.batch(), 2, mode="draw")["id"])
    enter_draw(classroom, drop_id, "amy")
    drop = f"/v1/rooms/{classroom.room}/drops/{drop_id}"
    classroom._post(f"{drop}/abort", {"reason": "wrong batch"})
    page = classroom.enter(
        classroom.context("en"), f"/drops/{drop_id}/draw", Role.INSTRUCTOR, "ms-li"
    )
    expect(page.locator("#verdict")).to_have_text("This draw was called off: nobody won")
    expect(page.locator("#verdict-note")).to_contain_text("wrong batch")
    shot(page, "draw_aborted_en")


def test_a_teacher_draws_and_calls_one_off(classroom: Classroom) -> None:
    classroom.batch()
    teacher = classroom.teacher()
    teacher.get_by_label("公平抽取").check()
    expect(teacher.locator(".mode-fields")).to_contain_text("名单先封存")
    teacher.get_by_label("在教室和大屏上显示领到的人").check()
    teacher.locator("#quantity").fill("1")
    shot(teacher, "console_form_zh")
    teacher.locator("#new .main").click()
    teacher.locator("#takeback .link").click()
    card = teacher.locator(".live-drop").first
    expect(card.locator(".draw-count")).to_have_text("还没有人参加")
    amy = classroom.student("amy")
    amy.locator("classdrop-room .claim").click()
    expect(card.locator(".draw-count")).to_have_text("已有 1 人参加")
    shot(teacher, "console_open_zh")

    card.get_by_role("button", name="结束发放").click()
    teacher.locator("#ask [value=yes]").click()
    expect(card.locator(".draw-count")).to_have_text("1 人参加，抽出 1 人")
    teacher.locator("#past-box summary").first.click()
    card.get_by_text("中签的学生").click()
    expect(card.locator(".draw-winners li")).to_have_text([classroom.name("amy")])
    with teacher.context.expect_page() as opened:
        card.get_by_role("link", name="证明").click()
    expect(opened.value.locator("#verdict")).to_have_text("全部相符")
    teacher.emulate_media(color_scheme="dark")
    shot(teacher, "console_drawn_zh_dark")

    teacher.get_by_label("公平抽取").check()
    teacher.locator("#new .main").click()
    teacher.locator("#takeback .link").click()
    second = teacher.locator("#live .live-drop").first
    second.get_by_role("button", name="取消抽取").click()
    second.get_by_role("button", name="确定取消").click()  # without a reason nothing is sent
    second.get_by_label("原因").fill("选错了券")
    shot(teacher, "console_abort_zh_dark")
    second.get_by_role("button", name="确定取消").click()
    expect(teacher.get_by_text("已取消，没有人中签")).to_be_visible()
