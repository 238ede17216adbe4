"""A coupon that waits for its student, and no longer: what the two of them and the teacher see."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Classroom
from tests.browser.test_live_class import claim, expect_phase, live

WORDS = {
    "zh-CN": ("为你保留", "没有在保留时间内使用", "未及时使用，已释放"),
    "en-US": ("Held for you", "did not use this coupon in time", "Not used in time, given back"),
}


@pytest.mark.parametrize("locale", WORDS)
def test_it_counts_down_goes_back_and_the_next_student_has_it(
    classroom: Classroom, locale: str
) -> None:
    held, gone, in_wallet = WORDS[locale]
    classroom.drop(classroom.batch(hold_seconds=4), quantity=1)
    teacher, amy = classroom.teacher(locale), classroom.student("amy", locale)
    ben = classroom.student("ben", locale)
    live(amy)
    live(ben)
    claim(amy)
    expect_phase(amy, "confirmed")
    expect(amy.locator("classdrop-room .card")).to_contain_text(held)
    said = amy.locator("#coupons .state").inner_text()
    date = said.removesuffix("前使用").removeprefix("Use by ").strip()
    expect(amy.locator("classdrop-room .note")).to_contain_text(date)
    expect_phase(ben, "sold_out")

    expect_phase(amy, "released")
    expect(amy.locator("classdrop-room .headline")).to_contain_text(gone)
    expect(amy.locator("classdrop-room .claim")).to_be_hidden()
    expect(amy.locator("#coupons .state")).to_have_text(in_wallet)
    expect(teacher.locator("[data-counter=released]")).to_have_text("1")
    expect_phase(ben, "open")
    claim(ben)
    expect_phase(ben, "confirmed")


def test_without_a_hold_the_teacher_sees_no_count_of_what_went_back(classroom: Classroom) -> None:
    classroom.drop(classroom.batch(), quantity=1)
    teacher = classroom.teacher()

    expect(teacher.locator("[data-counter=redeemed]")).to_be_visible()
    expect(teacher.locator("[data-counter=released]")).to_be_hidden()
