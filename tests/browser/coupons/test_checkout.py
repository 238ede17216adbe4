"""The demo shop as students and an operator see it: from the win to the paid order and its refund."""

import re

import httpx
from playwright.sync_api import Page, expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, PHONE, Classroom

PERCENT: dict[str, object] = {
    "name": "八折券",
    "discount": {"kind": "percent_off", "percent": 20},
    "threshold": {"min_amount": 0},
}
TO_ALGEBRA_AND_WRITING = "/checkout?course=algebra-1&course=writing-1"


def win(page: Page) -> str:
    """Claim the only card; return its code."""
    page.locator("classdrop-room .claim").click()
    code = page.locator("classdrop-room code")
    expect(code).not_to_be_empty()
    return code.text_content() or ""


def win_all(classroom: Classroom, *templates: dict[str, object]) -> Page:
    """Return a student's room with a coupon of each template."""
    for template in templates:
        classroom.drop(classroom.batch(**template))  # type: ignore[arg-type]
    amy = classroom.student()
    cards = amy.locator("classdrop-room .card")
    expect(cards).to_have_count(len(templates))
    confirmed = amy.locator("classdrop-room .card[data-phase=confirmed]")
    for number in range(len(templates)):  # won cards are listed after those that can be claimed
        amy.locator("classdrop-room .card[data-phase=open] .claim").first.click()
        expect(confirmed).to_have_count(number + 1)
    return amy


def shop_of(classroom: Classroom, amy: Page, path: str = TO_ALGEBRA_AND_WRITING) -> Page:
    shop = classroom.enter(amy.context, path, Role.STUDENT, "amy")
    expect(shop.locator("body[data-ready]")).to_be_attached()
    return shop


def test_use_now_opens_the_checkout_with_the_coupon_ticked(classroom: Classroom) -> None:
    classroom.drop(classroom.batch(use_url=TO_ALGEBRA_AND_WRITING))
    amy = classroom.student()
    code = win(amy)
    with amy.context.expect_page() as opened:
        amy.locator("classdrop-room .use").click()
    shop = opened.value
    expect(shop).to_have_url(f"{classroom.url}{TO_ALGEBRA_AND_WRITING}&coupon={code}")
    expect(shop.locator("#choices input:checked")).to_have_value(code)
    # 80 + 30 yuan and 满100减10: 7.27 and 2.73 off.
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥100.00")
    expect(shop.locator("[data-course=algebra-1] .share")).to_contain_text("7.27")
    expect(shop.locator("[data-course=writing-1] .share")).to_contain_text("2.73")


def test_the_course_that_a_coupon_is_for_lies_in_the_cart(classroom: Classroom) -> None:
    classroom.drop(classroom.batch(scope={"courses": ["algebra-2"], "packages": []}))
    amy = classroom.student()
    win(amy)
    with amy.context.expect_page() as opened:
        amy.locator("classdrop-room .use").click()
    shop = opened.value
    expect(shop.locator("#lines [data-course=algebra-2] output")).to_have_text("1")
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥118.00")
    shop.get_by_role("button", name="减少：代数进阶").click()
    expect(shop.locator("#cart-empty")).to_be_visible()
    shop.reload()  # a removed line stays removed after a reload
    expect(shop.locator("body[data-ready]")).to_be_attached()
    expect(shop.locator("#cart-empty")).to_be_visible()


def test_the_total_follows_every_tick_and_every_quantity(classroom: Classroom) -> None:
    shop = shop_of(classroom, win_all(classroom, {}, PERCENT))
    total = shop.locator("dd[data-sum=payable]")
    expect(total).to_have_text("¥110.00")
    best, other = shop.locator("#choices li").nth(0), shop.locator("#choices li").nth(1)
    expect(shop.locator("#best")).to_have_text("选最优惠的用法，共省 ¥22")
    best.locator("input").check()
    expect(total).to_have_text("¥88.00")
    # These two cannot be combined: the one selected last replaces the other.
    other.locator("input").check()
    expect(total).to_have_text("¥100.00")
    expect(best.locator("input")).not_to_be_checked()
    expect(best.locator(".adds")).to_have_text("会替换已选的券")
    # One tap selects the best choice.
    shop.get_by_role("button", name="选最优惠的用法，共省 ¥22").click()
    expect(total).to_have_text("¥88.00")
    expect(shop.locator("#best-taken")).to_be_visible()
    other.locator("input").check()
    expect(total).to_have_text("¥100.00")

    shop.get_by_role("button", name="减少：写作工坊").click()
    expect(total).to_have_text("¥80.00")
    expect(shop.locator("#unusable-count")).to_have_text("1 张暂不可用")
    shop.locator("#unusable-box summary").click()
    expect(shop.locator("#unusable")).to_contain_text("再买 ¥20 可用")
    shop.get_by_role("button", name="加入：经典共读").click()
    expect(total).to_have_text("¥100.00")


def test_coupons_that_go_together_say_what_each_adds(classroom: Classroom) -> None:
    every = ["product", "order", "shipping"]
    ship: dict[str, object] = {
        "name": "免邮券",
        "discount": {"kind": "amount_off", "amount": 1200},
        "threshold": {"min_amount": 0},
        "deducts": ["shipping"],
        "stacking": {"class": "shipping", "combines_with": every},
    }
    ten: dict[str, object] = {"stacking": {"class": "order", "combines_with": every}}
    shop = shop_of(classroom, win_all(classroom, ten, ship), "/checkout?course=physics-1")
    total = shop.locator("dd[data-sum=payable]")
    expect(total).to_have_text("¥171.00")
    shop.locator("#choices li", has_text="开学季专享").locator("input").check()
    expect(total).to_have_text("¥161.00")
    posted = shop.locator("#choices li", has_text="免邮券")
    expect(posted.locator(".adds")).to_have_text("同时用再省 ¥12")
    posted.locator("input").check()
    expect(total).to_have_text("¥149.00")
    expect(shop.locator("[data-line=shipping] .share")).to_contain_text("12.00")


def test_a_typed_code_becomes_the_student_s_and_is_ticked(classroom: Classroom) -> None:
    batch = classroom.batch(quantity=1)
    made = classroom.operator.post(f"/v1/batches/{batch}/codes", json={"quantity": 1})
    assert made.is_success, made.text
    listed = classroom.operator.get(f"/v1/batches/{batch}/codes").json()
    code = str(listed["codes"][0]["code"])
    shop = classroom.enter(classroom.context(), TO_ALGEBRA_AND_WRITING, Role.STUDENT, "amy")
    shop.locator("#code").fill(code.lower())
    shop.get_by_role("button", name="使用").click()
    expect(shop.locator("#choices input:checked")).to_have_value(code)
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥100.00")
    # Deselect it, then type its code in another form: it is in the wallet already.
    shop.locator("#choices input").uncheck()
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥110.00")
    shop.locator("#code").fill(f" {code.lower().replace('-', ' ')} ")
    shop.locator("#code").press("Enter")
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥100.00")
    # A coupon below its threshold says what is missing and what it would save.
    shop.get_by_role("button", name="减少：写作工坊").click()
    expect(shop.locator("#hints")).to_have_text("再买 ¥20，用“开学季专享”多省 ¥10")
    expect(shop.locator("#unusable")).to_contain_text("已勾选，能用时自动生效")

    other = classroom.enter(classroom.context("en-US"), TO_ALGEBRA_AND_WRITING, Role.STUDENT, "ben")
    other.locator("#code").fill(code)
    other.get_by_role("button", name="Use").click()
    expect(other.locator("#code-trouble")).to_have_text("No such code. Check it and type it again.")
    classroom.watched.forgive("/v1/me/coupons")


def test_an_expired_coupon_says_so(classroom: Classroom) -> None:
    classroom.drop(classroom.batch(validity={"kind": "relative", "seconds": 1}))
    amy = classroom.student()
    code = win(amy)
    amy.wait_for_function("at => Date.now() > at + 1500", arg=amy.evaluate("Date.now()"))
    shop = shop_of(classroom, amy, f"{TO_ALGEBRA_AND_WRITING}&coupon={code}")
    expect(shop.locator("#unusable")).to_contain_text("已过期")
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥110.00")


def is_asked_before_it_pays_back(desk: Page) -> None:
    """Preview the refund; the operator first declines, then confirms."""
    desk.get_by_role("button", name="Return more: Writing workshop").click()
    desk.get_by_role("button", name="Pay back 1 selected").click()
    expect(desk.locator("#refund-sums dd")).to_have_text("¥27.27")
    expect(desk.locator("#refund-fates")).to_contain_text("Used up, not given back")
    expect(desk.locator("#state")).to_have_text("Paid")
    desk.get_by_role("button", name="Not now").click()
    expect(desk.locator("#refund-ask")).to_be_hidden()
    desk.get_by_role("button", name="Pay back 1 selected").click()
    desk.get_by_role("button", name="Pay back ¥27.27").click()


def finds_the_order(classroom: Classroom, desk: Page, number: str) -> None:
    """Check that the list shows the refund, and finds the order by number, student and coupon code."""
    code = desk.locator("#used code").text_content() or ""
    desk.get_by_role("link", name="All orders").click()
    for typed in (number[-8:].upper(), classroom.name("amy"), code.lower().replace("-", " ")):
        desk.get_by_role("searchbox", name="Search orders").fill(typed)
        row = desk.locator("#orders li").filter(has_text=number)
        expect(row).to_contain_text("All paid back")
        expect(row).to_contain_text("¥100.00 paid back")
    desk.get_by_role("searchbox", name="Search orders").fill("nobody's order")
    expect(desk.locator("#orders-empty")).to_have_text("No order matches.")


def test_an_order_is_paid_and_an_operator_pays_it_back(classroom: Classroom) -> None:
    heard: list[str] = []
    amy = win_all(classroom, {"returns": {"after_refund": "back"}})
    amy.context.on("response", lambda answer: heard.append(answer.url))
    shop = shop_of(classroom, amy)
    shop.locator("#choices input").check()
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥100.00")
    shop.locator("#pay").click()

    expect(shop.locator("#state")).to_have_text("待付款")
    expect(shop.locator("#lines [data-line=algebra-1]")).to_contain_text("开学季专享 -¥7.27")
    assert shop.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    order = shop.url
    # The same cart in another tab knows its order. Another cart, on another device, cannot use the coupon
    # meanwhile, and says why.
    tab = shop_of(classroom, amy)
    expect(tab.locator("#open-order")).to_be_visible()
    tab.close()
    other = classroom.enter(classroom.context(), TO_ALGEBRA_AND_WRITING, Role.STUDENT, "amy")
    expect(other.locator("#open-order")).to_be_hidden()
    other.locator("#unusable-box summary").click()
    expect(other.locator("#unusable")).to_contain_text("正用于另一笔未付款的订单")
    other.close()

    shop.get_by_role("button", name="付款 ¥100.00（演示）").click()
    expect(shop.locator("#state")).to_have_text("已付款")
    expect(shop.locator("#times")).to_contain_text("付款")

    desk = classroom.enter(
        classroom.context("en-US", LAPTOP), order.removeprefix(classroom.url), Role.OPERATOR, "olga"
    )
    is_asked_before_it_pays_back(desk)
    expect(desk.locator("#done")).to_have_text("¥27.27 paid back.")
    expect(desk.locator("#state")).to_have_text("Partly paid back")
    desk.get_by_role("button", name="Select all").click()
    desk.get_by_role("button", name="Pay back 1 selected").click()
    expect(desk.locator("#refund-fates")).to_contain_text("Back in the wallet")
    desk.get_by_role("button", name="Pay back ¥72.73").click()
    expect(desk.locator("#state")).to_have_text("All paid back")

    finds_the_order(classroom, desk, order.rpartition("order=")[2])

    shop.reload()
    expect(shop.locator("dd[data-sum=refunded]")).to_have_text("¥100.00")
    expect(shop.locator("#used")).to_contain_text("已退回券包，可再次使用")
    # The browser calls only the shop and its own wallet, nothing that needs a service token.
    asked = {re.sub(r"^\w+://[^/]+|[?#].*", "", url) for url in heard}
    assert {path for path in asked if path.startswith("/v1/")} <= {"/v1/me/coupons"}


def test_an_order_that_is_called_off_gives_its_coupon_back(classroom: Classroom) -> None:
    shop = shop_of(classroom, win_all(classroom, {}))
    shop.locator("#choices input").check()
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥100.00")
    shop.locator("#pay").click()
    shop.get_by_role("button", name="取消订单").click()
    expect(shop.locator("#state-hint")).to_have_text("优惠券已回到你的券包。")
    shop.get_by_role("link", name="去选课").click()
    expect(shop.locator("#choices input:checked")).to_have_count(1)
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥100.00")


def test_no_money_moves_and_the_page_says_so(classroom: Classroom) -> None:
    shop = classroom.enter(classroom.context("en-US"), TO_ALGEBRA_AND_WRITING, Role.STUDENT, "amy")
    expect(shop.locator("#pay")).to_have_attribute("aria-disabled", "false")
    expect(shop.locator("#pay-note")).to_contain_text("no money moves")
    expect(shop.locator("#coupons-hint")).to_have_text("You have no coupon for this order.")
    assert shop.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def pay_elsewhere(classroom: Classroom, code: str) -> None:
    """Pay another order of amy's with the coupon, in another tab."""
    token = {"Authorization": f"Bearer {classroom.token(Role.STUDENT, 'amy')}"}
    lines = [{"course": course, "quantity": 1} for course in ("algebra-1", "writing-1")]
    order = {"lines": lines, "coupons": [code], "expected_payable": 10_000}
    path = f"/shop/orders/ord-{classroom.room}"
    with httpx.Client(base_url=classroom.url, headers=token) as amy:
        assert amy.put(path, json=order).is_success
        assert amy.post(f"{path}/pay", json={"paid": 10_000}).is_success


def test_a_coupon_that_is_used_says_only_that(classroom: Classroom) -> None:
    shop = shop_of(classroom, win_all(classroom, {}))
    shop.locator("#choices input").check()
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥100.00")
    pay_elsewhere(classroom, shop.locator("#choices input").get_attribute("value") or "")
    shop.reload()
    expect(shop.locator("#unusable .what .hint")).to_have_text(["已使用"])


def test_a_cart_that_was_placed_is_not_stopped_by_its_own_order(classroom: Classroom) -> None:
    shop = shop_of(classroom, win_all(classroom, {}))
    shop.locator("#choices input").check()
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥100.00")
    shop.locator("#pay").click()
    expect(shop.locator("#state")).to_have_text("待付款")
    shop.locator("#to-shop").click()
    expect(shop.locator("#choices input")).to_be_checked()
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥100.00")
    shop.locator("#choices input").uncheck()
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥110.00")
    shop.locator("#pay").click()  # the same order is locked again
    shop.locator("#pay").click()
    expect(shop.locator("#state")).to_have_text("已付款")
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥110.00")


def test_the_price_that_is_paid_is_the_large_one_of_a_line(classroom: Classroom) -> None:
    shop = shop_of(classroom, win_all(classroom, {}))
    shop.locator("#choices input").check()
    line = shop.locator("[data-course=algebra-1] .sum")
    expect(line.locator(".amount")).to_have_text("¥72.73")
    expect(line.locator(".was")).to_have_text("¥80.00")
    large, small = (
        line.locator(name).evaluate("each => parseFloat(getComputedStyle(each).fontSize)")
        for name in (".amount", ".was")
    )
    assert large > small


def test_the_title_is_one_line_on_the_narrowest_phone(classroom: Classroom) -> None:
    for locale in ("en-US", "zh-CN"):
        context = classroom.context(locale, {"width": 320, "height": 568})
        shop = classroom.enter(context, TO_ALGEBRA_AND_WRITING, Role.STUDENT, "amy")
        expect(shop.locator("body[data-ready]")).to_be_attached()
        title = shop.locator("h1")
        lines = title.evaluate(
            "each => { const range = document.createRange(); range.selectNodeContents(each);"
            " return range.getClientRects().length; }"
        )
        assert lines == 1
        assert shop.evaluate("document.documentElement.scrollWidth") <= 320
