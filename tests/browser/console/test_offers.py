"""A coupon for one student alone: from the console's form to the student's card, their answer, and back."""

import os

from playwright.sync_api import Page, expect

from tests.browser.conftest import Classroom


def offer(teacher: Page, student: str, message: str = "") -> None:
    teacher.locator("#offer-students").fill(student)
    teacher.locator("#offer-message").fill(message)
    teacher.locator("#offer-send").click()
    teacher.locator("#takeback .link").click()
    expect(teacher.locator("#offer-done")).not_to_be_empty()


def shot(page: Page, name: str) -> None:
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}_{name}.png", full_page=True)


def test_an_offer_reaches_its_student_alone_and_its_answer_the_teacher(
    classroom: Classroom,
) -> None:
    classroom.batch()
    teacher = classroom.teacher()
    amy, ben = classroom.student("amy"), classroom.student("ben", "en-US")
    for page in (amy, ben):
        expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    teacher.locator("#offers-panel summary").click()
    expect(teacher.locator("#offers-none")).to_be_visible()

    offer(teacher, classroom.name("amy"), "谢谢你的作业")

    card = amy.locator("#offers .offer")
    expect(card.locator(".said")).to_have_text("老师说：谢谢你的作业")
    expect(card.locator(".kept")).to_contain_text("为你保留")
    row = teacher.locator("#offers-list .offered").first
    expect(row).to_have_attribute("data-state", "seen")
    shot(amy, "amy")
    shot(teacher, "teacher")

    card.get_by_role("button", name="收下").click()
    expect(amy.locator("#coupons .coupon[data-state=usable]")).to_have_count(1)
    expect(amy.locator("#offers-said")).to_have_text("已收下，就在你的券包里。")
    expect(row).to_have_attribute("data-state", "accepted")
    expect(ben.locator("#offers-box")).to_be_hidden()


def test_an_offer_is_found_after_a_reload_and_declined_or_withdrawn(classroom: Classroom) -> None:
    classroom.batch()
    teacher, amy = classroom.teacher("en-US"), classroom.student("amy", "en-US")
    expect(amy.locator("#connection")).to_have_attribute("data-state", "live")
    teacher.locator("#offers-panel summary").click()

    offer(teacher, classroom.name("amy"))
    expect(amy.locator("#offers .offer")).to_be_visible()
    amy.reload()
    amy.get_by_role("button", name="No, thanks").click()
    expect(amy.locator("#offers-said")).to_have_text("All right: the coupon has gone back.")
    row = teacher.locator("#offers-list .offered").first
    expect(row).to_have_attribute("data-state", "declined")

    offer(teacher, classroom.name("amy"))
    expect(amy.locator("#offers .offer")).to_be_visible()
    teacher.get_by_role("button", name="Withdraw").first.click()
    expect(amy.locator("#offers-said")).to_have_text("Your teacher has withdrawn the coupon.")
    expect(amy.locator("#offers .offer")).to_have_count(0)
    shot(teacher, "teacher_en")


def test_a_teacher_picks_from_who_is_here_by_search_and_by_tag(classroom: Classroom) -> None:
    classroom.batch()
    teacher = classroom.teacher("en-US")
    tagged = [classroom.student(name, tags=("vip",)) for name in ("amy", "ann")]
    ben = classroom.student("ben")
    for page in (*tagged, ben):
        expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    teacher.locator("#offers-panel summary").click()
    rows = teacher.locator("#roster-list li")
    expect(rows).to_have_count(3)
    shot(teacher, "picker")

    teacher.locator("#roster-search").fill("ben")
    expect(rows).to_have_count(1)
    rows.locator("input").check()
    expect(teacher.locator("#offer-students")).to_have_value(classroom.name("ben"))
    teacher.locator("#offer-send").click()
    teacher.locator("#takeback .link").click()
    expect(ben.locator("#offers .offer")).to_have_count(1)

    teacher.locator("#roster-search").fill("")
    teacher.locator("#roster-tags input[value=vip]").check()
    expect(rows).to_have_count(2)
    teacher.locator("#roster-all").check()
    expect(teacher.locator("#offer-students")).to_be_disabled()
    shot(teacher, "picker_tag")
    teacher.locator("#offer-send").click()
    teacher.locator("#takeback .link").click()
    for page in tagged:
        expect(page.locator("#offers .offer")).to_have_count(1)
    expect(teacher.locator("#offer-done")).to_have_text("Kept for 2 students.")
    expect(ben.locator("#offers .offer")).to_have_count(1)
    shot(tagged[0], "card")
