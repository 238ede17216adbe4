"""From the win to the right price: the sample checkout."""

from playwright.sync_api import Page, expect

from server.core.identity import Role
from tests.browser.conftest import Classroom


def win(page: Page) -> str:
    page.locator("classdrop-room .claim").click()
    code = page.locator("classdrop-room code")
    expect(code).not_to_be_empty()
    return code.text_content() or ""


def test_use_now_opens_the_checkout_with_the_coupon_ticked(classroom: Classroom) -> None:
    classroom.drop(classroom.batch())
    amy = classroom.student()
    code = win(amy)
    with amy.context.expect_page() as opened:
        amy.locator("classdrop-room .use").click()
    shop = opened.value
    expect(shop).to_have_url(f"{classroom.url}/checkout?coupon={code}")
    expect(shop.locator("#choices input:checked")).to_have_value(code)
    # 80 + 30 yuan and 满100减10: 7.27 and 2.73 off.
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥100.00")
    expect(shop.locator("[data-course=algebra-1] .share")).to_contain_text("7.27")
    expect(shop.locator("[data-course=writing-1] .share")).to_contain_text("2.73")


def test_the_total_follows_every_tick_and_every_quantity(classroom: Classroom) -> None:
    classroom.drop(classroom.batch())
    classroom.drop(
        classroom.batch(
            name="八折券",
            discount={"kind": "percent_off", "percent": 20},
            threshold={"min_amount": 0},
        )
    )
    amy = classroom.student()
    cards = amy.locator("classdrop-room .card")
    expect(cards).to_have_count(2)
    for number in range(2):
        cards.nth(number).locator(".claim").click()
        expect(cards.nth(number)).to_have_attribute("data-phase", "confirmed")

    shop = classroom.enter(amy.context, "/checkout", Role.STUDENT, "amy")
    total = shop.locator("dd[data-sum=payable]")
    expect(total).to_have_text("¥110.00")
    best, other = shop.locator("#choices li").nth(0), shop.locator("#choices li").nth(1)
    expect(best.locator(".best")).to_be_visible()
    best.locator("input").check()
    expect(total).to_have_text("¥88.00")
    # One coupon for each order: the one just chosen replaces the other.
    other.locator("input").check()
    expect(total).to_have_text("¥100.00")
    expect(best.locator("input")).not_to_be_checked()

    shop.get_by_role("button", name="减少：写作工坊").click()
    expect(total).to_have_text("¥80.00")
    expect(shop.locator("#unusable-count")).to_have_text("1 张暂不可用")
    shop.locator("#unusable-box summary").click()
    expect(shop.locator("#unusable")).to_contain_text("再买 ¥20 可用")
    shop.get_by_role("button", name="增加：经典共读").click()
    expect(total).to_have_text("¥100.00")


def test_paying_is_left_to_the_school(classroom: Classroom) -> None:
    shop = classroom.enter(classroom.context("en-US"), "/checkout", Role.STUDENT, "amy")
    expect(shop.locator("#pay")).to_be_disabled()
    expect(shop.locator("#pay-note")).to_contain_text("school's own system")
    expect(shop.locator("#coupons-hint")).to_have_text("You have no coupon for this order.")
