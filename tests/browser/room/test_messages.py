"""A message reaches the student's open page, in their language, and is gone once it is put away."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Classroom


@pytest.mark.parametrize(
    ("locale", "heading", "button"),
    [("zh-CN", "消息", "知道了"), ("en-US", "Messages", "Got it")],
)
def test_a_message_of_an_issuance_is_shown_and_put_away(
    classroom: Classroom, locale: str, heading: str, button: str
) -> None:
    page = classroom.student("amy", locale)
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    expect(page.locator(".inbox")).to_be_hidden()

    answer = classroom.operator.post(
        "/v1/issuances",
        json={
            "batch_id": classroom.batch(),
            "students": [classroom.name("amy")],
            "reason": "homework",
            "notify": {"text": "谢谢你的作业"},
        },
    )
    assert answer.is_success, answer.text

    expect(page.locator(".message p")).to_have_text("谢谢你的作业")
    expect(page.locator("#inbox-title")).to_have_text(heading)
    expect(page.locator("#coupons .coupon")).to_have_count(1)
    page.locator(".message").get_by_role("button", name=button).click()
    expect(page.locator(".inbox")).to_be_hidden()

    page.reload()
    expect(page.locator("#coupons .coupon")).to_have_count(1)
    expect(page.locator(".inbox")).to_be_hidden()
