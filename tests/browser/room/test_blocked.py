"""A blocked student reads on their card that it is their account, and whom to ask; in both languages."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Classroom
from tests.browser.room.test_live_class import claim, expect_phase, live


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [
        ("zh-CN", "你的账号暂时不能领券，请联系学校。"),
        ("en-US", "Not for this account at the moment. Please ask the school."),
    ],
)
def test_the_card_says_the_true_sentence(classroom: Classroom, locale: str, sentence: str) -> None:
    student, other = classroom.student("amy", locale), classroom.student("ben", locale)
    live(student)
    live(other)
    body = {"kind": "student", "value": classroom.name("amy"), "reason": "a test"}
    assert classroom.operator.post("/v1/blocks", json=body).status_code == 201
    # Everything is in one process, which has heard of the block when the drop is on its way.
    classroom.drop(classroom.batch(), quantity=5)
    claim(student)
    claim(other)

    expect_phase(student, "refused")
    expect(student.locator("classdrop-room .card").first).to_contain_text(sentence)
    expect_phase(other, "confirmed")
