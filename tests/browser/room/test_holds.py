"""A coupon that is kept for its student for a limited time, as the student and the teacher see it."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Classroom
from tests.browser.room.test_live_class import claim, expect_phase, live

GIVE_UP_MS = 20_000  # longer than the hold


def test_it_counts_down_goes_back_and_the_next_student_has_it(classroom: Classroom) -> None:
    classroom.drop(classroom.batch(hold_seconds=6), quantity=1)
    teacher, amy, ben = classroom.teacher(), classroom.student("amy"), classroom.student("ben")
    live(amy)
    live(ben)
    claim(amy)
    expect_phase(amy, "confirmed")
    expect(amy.locator("classdrop-room .card")).to_contain_text("为你保留")
    date = amy.locator("#coupons .state").inner_text().removesuffix("前使用").strip()
    expect(amy.locator("classdrop-room .note")).to_contain_text(date)

    card = amy.locator("classdrop-room .card")
    expect(card).to_have_attribute("data-phase", "released", timeout=GIVE_UP_MS)
    expect(amy.locator("classdrop-room .headline")).to_contain_text("没有在保留时间内使用")
    expect(amy.locator("classdrop-room .claim")).to_be_hidden()
    expect(amy.locator("#coupons .state")).to_have_text("未及时使用，已释放")
    expect(teacher.locator("[data-counter=released]")).to_have_text(re.compile("[1-9]"))
    expect_phase(ben, "open")
    claim(ben)
    expect_phase(ben, "confirmed")


def test_without_a_hold_the_teacher_sees_no_count_of_what_went_back(classroom: Classroom) -> None:
    classroom.drop(classroom.batch(), quantity=1)
    teacher = classroom.teacher()

    expect(teacher.locator("[data-counter=redeemed]")).to_be_visible()
    expect(teacher.locator("[data-counter=released]")).to_be_hidden()
