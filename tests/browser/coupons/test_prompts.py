"""Prompts: a coupon that a student could still get, at the checkout and on a course page."""

import os

from playwright.sync_api import Page, expect

from server.core.identity import Role
from tests.browser.conftest import Classroom
from tests.browser.coupons.test_checkout import shop_of

COURSE_PAGE = """async ([token, course]) => {
  await import("/sdk/offer-element.js");
  const prompt = document.createElement("classdrop-offer");
  prompt.setAttribute("course", course);
  prompt.setAttribute("dwell-seconds", "1");
  prompt.lang = "zh";
  prompt.getToken = () => token;
  document.querySelector("main").prepend(prompt);
}"""


def offer(classroom: Classroom, **template: object) -> None:
    body = {
        "batch_id": classroom.batch(**template),  # type: ignore[arg-type]
        "students": [classroom.name("amy")],
        "message": "再坚持一课",
        "expires_in_seconds": 600,
    }
    classroom._post(f"/v1/rooms/{classroom.room}/offers", body)


def shot(page: Page, name: str) -> None:
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}_{name}.png", full_page=True)


def test_the_cart_says_what_one_more_coupon_saves_and_the_way_to_it(classroom: Classroom) -> None:
    offer(classroom)
    offer(
        classroom, discount={"kind": "amount_off", "amount": 5000}, threshold={"min_amount": 30_000}
    )
    shop = shop_of(classroom, classroom.student())
    prompts = shop.locator("#hints [data-prompt=offer]")

    expect(prompts).to_have_count(2)
    expect(prompts.first).to_contain_text("再领一张“开学季专享”，再省 ¥10")
    expect(prompts.last).to_contain_text("再买 ¥190")
    expect(prompts.first.locator("a")).to_have_attribute("href", f"/rooms/{classroom.room}")
    shot(shop, "shop_zh")


def test_a_course_page_shows_a_coupon_after_a_while_once(classroom: Classroom) -> None:
    offer(classroom)
    page = classroom.context().new_page()
    arguments = [classroom.token(Role.STUDENT, "amy"), "algebra-1"]
    page.goto(classroom.url)
    page.evaluate(COURSE_PAGE, arguments)
    card = page.locator("classdrop-offer .card")
    expect(card).to_contain_text("再坚持一课")
    shot(page, "course_zh")
    page.emulate_media(color_scheme="dark")
    page.locator("classdrop-offer").evaluate(
        "e => { e.lang = 'en'; e.setAttribute('scheme', 'auto') }"
    )
    card.get_by_role("button", name="Take it").click()
    expect(card).to_contain_text("It is yours. Code:")
    shot(page, "course_en_dark")
    card.get_by_role("button", name="Close").click()
    expect(card).to_have_count(0)

    offer(classroom)
    page.reload()
    page.evaluate(COURSE_PAGE, arguments)
    expect(card).to_be_visible()  # another coupon, which this browser has not shown yet
    page.reload()
    with page.expect_response("**/v1/me/offers?*"):
        page.evaluate(COURSE_PAGE, arguments)
    expect(page.locator("classdrop-offer")).to_be_attached()
    expect(card).to_have_count(0)
