"""A coupon that was won in a room and is used elsewhere: card and wallet show it, with and without a
reload."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Classroom
from tests.browser.coupons.test_checkout import TO_ALGEBRA_AND_WRITING, shop_of, win


def place(classroom: Classroom, amy: Page, code: str) -> Page:
    """Open the order's page in a new tab."""
    shop = shop_of(classroom, amy, f"{TO_ALGEBRA_AND_WRITING}&coupon={code}")
    expect(shop.locator("#choices input:checked")).to_have_value(code)
    shop.locator("#pay").click()
    expect(shop).to_have_url(re.compile("/orders"))
    return shop


def test_who_pays_in_another_tab_finds_card_and_wallet_true(classroom: Classroom) -> None:
    classroom.drop(classroom.batch())
    amy = classroom.student(locale="en-US")
    code = win(amy)
    card = amy.locator("classdrop-room .card")
    row = amy.locator("#coupons .coupon")
    expect(row.locator("a")).to_be_visible()

    order = place(classroom, amy, code)
    expect(card).to_have_attribute("data-phase", "locked")
    expect(card.locator(".note")).to_have_text(re.compile(r"in an order until .*\d\d:\d\d"))
    expect(card.locator(".use")).to_be_hidden()
    expect(row.locator(".state")).to_have_text(re.compile(r"in an order until"))
    expect(row.locator("a")).to_have_count(0)

    order.locator("#pay").click()
    expect(card).to_have_attribute("data-phase", "redeemed")
    expect(card.locator(".headline")).to_have_text("Used")
    expect(row.locator(".state")).to_have_text(re.compile(r"You used it on"))
    amy.reload()
    expect(amy.locator("classdrop-room .card")).to_have_attribute("data-phase", "redeemed")


def test_an_order_that_is_cancelled_gives_the_coupon_back(classroom: Classroom) -> None:
    classroom.drop(classroom.batch())
    amy = classroom.student()
    code = win(amy)
    card = amy.locator("classdrop-room .card")
    order = place(classroom, amy, code)
    expect(card).to_have_attribute("data-phase", "locked")
    order.locator("#cancel").click()
    expect(card).to_have_attribute("data-phase", "confirmed")
    expect(card.locator(".headline")).to_have_text("又可以使用了")
    expect(card.locator("code")).to_have_text(code)
    expect(card.locator(".use")).to_be_visible()
    expect(amy.locator("#coupons .coupon a")).to_be_visible()


def test_a_checkout_in_another_tab_follows_an_order_that_is_paid(classroom: Classroom) -> None:
    classroom.drop(classroom.batch())
    amy = classroom.student()
    code = win(amy)
    second = shop_of(classroom, amy)
    expect(second.locator(f"#choices input[value='{code}']")).to_be_visible()
    order = place(classroom, amy, code)
    expect(second.locator("#open-order")).to_be_visible()
    order.locator("#pay").click()
    # The cart was paid, so it is empty in every tab and offers no coupon.
    expect(second.locator("#open-order")).to_be_hidden()
    expect(second.locator("#cart-empty")).to_be_visible()
    expect(second.locator(f"#choices input[value='{code}']")).to_be_hidden()


def test_a_coupon_that_is_over_says_so_by_itself(classroom: Classroom) -> None:
    classroom.drop(classroom.batch(validity={"kind": "relative", "seconds": 3}))
    amy = classroom.student(locale="en-US")
    win(amy)
    card = amy.locator("classdrop-room .card")
    expect(card).to_have_attribute("data-phase", "expired")
    expect(card.locator(".headline")).to_have_text("Expired")
    # A wallet is read at most once in three seconds.
    expect(amy.locator("#coupons .coupon .state")).to_have_text("Expired")
    expect(amy.locator("#coupons .coupon a")).to_have_count(0)
    amy.reload()
    expect(amy.locator("classdrop-room .card")).to_have_attribute("data-phase", "expired")


def test_another_student_s_page_does_not_change(classroom: Classroom) -> None:
    classroom.drop(classroom.batch())
    amy, ben = classroom.student(), classroom.student("ben")
    code = win(amy)
    win(ben)
    place(classroom, amy, code)
    expect(amy.locator("classdrop-room .card")).to_have_attribute("data-phase", "locked")
    expect(ben.locator("classdrop-room .card")).to_have_attribute("data-phase", "confirmed")


LISTEN = """() => {
  window.heard = [];
  document.addEventListener("classdrop", ({detail}) => heard.push(detail.state ?? detail.event));
}"""
# What a wallet hands in that was read after the coupon was locked, and then the late frame of that.
WALLET_FIRST = """() => {
  const {client} = document.querySelector("classdrop-room");
  const {coupon, drop_id} = Object.values(client.state.claims)[0];
  const change = {state: "locked", version: (coupon.version ?? 0) + 1, order_id: "order-7"};
  client.learn([{...coupon, ...change, drop_id, batch_id: "bat_1"}]);
  const frame = {type: "coupon_changed", coupon_id: coupon.id, drop_id, ...change};
  client._do(client._session.frame(JSON.stringify(frame), performance.now()));
}"""


def test_the_school_s_page_hears_of_a_move_once_also_where_the_wallet_knows_it_first(
    classroom: Classroom,
) -> None:
    classroom.drop(classroom.batch())
    amy = classroom.student()
    amy.evaluate(LISTEN)
    win(amy)
    amy.evaluate(WALLET_FIRST)
    assert amy.evaluate("() => heard").count("locked") == 1


def test_the_school_s_page_hears_what_became_of_it(classroom: Classroom) -> None:
    """The element dispatches `changed` to the page that embeds it, and no second `confirmed`."""
    classroom.drop(classroom.batch())
    amy = classroom.student()
    amy.evaluate(LISTEN)
    code = win(amy)
    place(classroom, amy, code)
    amy.wait_for_function("() => window.heard.includes('locked')")
    heard = amy.evaluate("() => window.heard")
    assert heard.count("confirmed") == 1
