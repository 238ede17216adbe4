"""The balance from rebates: earned by one order, spent on the next, given back if that one ends."""

import httpx
from playwright.sync_api import Page, expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, PHONE, Classroom
from tests.browser.coupons.test_checkout import TO_ALGEBRA_AND_WRITING, shop_of, win_all

REBATE: dict[str, object] = {
    "name": "返利券",
    "discount": {
        "kind": "rebate",
        "credit": {"kind": "amount_off", "amount": 2000},
        "after": "payment",
    },
    "threshold": {"min_amount": 0},
}


def a_code(classroom: Classroom, **template: object) -> str:
    path = f"/v1/batches/{classroom.batch(**template)}/codes"  # type: ignore[arg-type]
    assert classroom.operator.post(path, json={"quantity": 1}).is_success
    return str(classroom.operator.get(path).json()["codes"][0]["code"])


def earn(classroom: Classroom) -> str:
    """Let amy earn ¥20 with a paid order of ¥110; return the order's path."""
    code = a_code(classroom, **REBATE)
    order_id = f"ord-{classroom.room}"
    token = {"Authorization": f"Bearer {classroom.token(Role.STUDENT, 'amy')}"}
    lines = [{"course": course, "quantity": 1} for course in ("algebra-1", "writing-1")]
    order = {"lines": lines, "coupons": [code], "expected_payable": 11_000}
    with httpx.Client(base_url=classroom.url, headers=token) as amy:
        assert amy.post("/v1/me/coupons", json={"code": code}).is_success
        assert amy.put(f"/shop/orders/{order_id}", json=order).is_success
        assert amy.post(f"/shop/orders/{order_id}/pay").is_success
    return f"/orders?order={order_id}"


def shop_with_balance(classroom: Classroom) -> Page:
    """Return the checkout with a cart of ¥110 and a balance of ¥20."""
    shop = classroom.enter(classroom.context(), TO_ALGEBRA_AND_WRITING, Role.STUDENT, "amy")
    expect(shop.locator("#balance-text")).to_have_text("可用 ¥20.00")
    return shop


def test_a_paid_order_puts_its_rebate_on_the_account(classroom: Classroom) -> None:
    shop = shop_of(classroom, win_all(classroom, REBATE))
    expect(shop.locator("#balance-row")).to_be_hidden()
    shop.locator("#choices input").check()
    expect(shop.locator("#choices")).to_contain_text("返 ¥20")
    expect(shop.locator("#pay")).to_have_attribute("aria-disabled", "false")
    shop.locator("#pay").click()
    expect(shop.locator("#used")).to_contain_text("付款后返 ¥20.00 到账户")
    shop.get_by_role("button", name="付款 ¥110.00（演示）").click()
    expect(shop.locator("#state")).to_have_text("已付款")
    shop.goto(f"{classroom.url}{TO_ALGEBRA_AND_WRITING}")
    expect(shop.locator("#balance-text")).to_have_text("可用 ¥20.00")


def test_a_balance_is_spent_and_comes_back_with_a_refund(classroom: Classroom) -> None:
    earn(classroom)
    shop = shop_with_balance(classroom)
    shop.locator("#code").fill(a_code(classroom))
    shop.locator("#code").press("Enter")
    shop.locator("#choices input").uncheck()
    total = shop.locator("dd[data-sum=payable]")
    expect(total).to_have_text("¥110.00")
    shop.locator("#balance").check()
    expect(total).to_have_text("¥90.00")
    expect(shop.locator("#balance-text")).to_have_text("抵 ¥20.00，还剩 ¥0.00")
    # Coupons are applied before the balance, so the best choice stays the best.
    shop.get_by_role("button", name="选最优惠的用法，共省 ¥10").click()
    expect(total).to_have_text("¥80.00")
    expect(shop.locator("#best-taken")).to_be_visible()
    expect(shop.locator("dd[data-sum=discount]")).to_have_text("-¥10.00")
    expect(shop.locator("dd[data-sum=balance]")).to_have_text("-¥20.00")
    shop.reload()  # a selected balance survives a reload
    expect(total).to_have_text("¥80.00")
    assert shop.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    shop.locator("#pay").click()

    expect(shop.locator("dd[data-sum=balance]")).to_have_text("-¥20.00")
    # 80 + 30 yuan less 10 leave 72.73 and 27.27: of 20, 14.55 and 5.45.
    expect(shop.locator("#lines [data-line=writing-1]")).to_contain_text("余额 -¥5.45")
    shop.get_by_role("button", name="付款 ¥80.00（演示）").click()
    expect(shop.locator("#state")).to_have_text("已付款")

    order = shop.url.removeprefix(classroom.url)
    desk = classroom.enter(classroom.context("en-US", LAPTOP), order, Role.OPERATOR, "olga")
    desk.get_by_role("button", name="Return more: Writing workshop").click()
    desk.get_by_role("button", name="Pay back 1 selected").click()
    desk.get_by_role("button", name="Pay back ¥21.82").click()
    expect(desk.locator("#done")).to_have_text("¥21.82 paid back, and ¥5.45 to the balance.")
    desk.get_by_role("button", name="Select all").click()
    desk.get_by_role("button", name="Pay back 1 selected").click()
    desk.get_by_role("button", name="Pay back ¥58.18").click()
    expect(desk.locator("#state")).to_have_text("All paid back")
    expect(desk.locator("dd[data-sum=balance_back]")).to_have_text("¥20.00")

    shop.goto(f"{classroom.url}{TO_ALGEBRA_AND_WRITING}")
    expect(shop.locator("#balance-text")).to_have_text("可用 ¥20.00")


def test_an_order_that_is_called_off_gives_its_balance_back(classroom: Classroom) -> None:
    earn(classroom)
    shop = shop_with_balance(classroom)
    shop.locator("#balance").check()
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥90.00")
    shop.locator("#pay").click()
    expect(shop.locator("#state-hint")).to_contain_text("优惠已为你保留")
    # Another cart, on another device, cannot use the balance meanwhile.
    other = classroom.enter(classroom.context(), TO_ALGEBRA_AND_WRITING, Role.STUDENT, "amy")
    expect(other.locator("dd[data-sum=payable]")).to_be_visible()
    expect(other.locator("#balance-row")).to_be_hidden()
    other.close()
    shop.get_by_role("button", name="取消订单").click()
    expect(shop.locator("#state-hint")).to_have_text("¥20.00 已退回余额。")
    shop.get_by_role("link", name="去选课").click()
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥90.00")


def test_what_is_owed_is_said_and_cannot_be_ticked(classroom: Classroom) -> None:
    earned = earn(classroom)
    shop = shop_with_balance(classroom)
    shop.locator("#balance").check()
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥90.00")
    shop.locator("#pay").click()
    expect(shop.locator("#state")).to_have_text("待付款")
    desk = classroom.enter(classroom.context("en-US", LAPTOP), earned, Role.OPERATOR, "olga")
    desk.get_by_role("button", name="Select all").click()
    desk.get_by_role("button", name="Pay back 2 selected").click()
    desk.get_by_role("button", name="Pay back ¥").click()
    expect(desk.locator("#state")).to_have_text("All paid back")

    # In a cart on another device, the placed order's own part of the balance is available again.
    shop = classroom.enter(classroom.context(), TO_ALGEBRA_AND_WRITING, Role.STUDENT, "amy")
    expect(shop.locator("#balance-text")).to_have_text("欠 ¥20.00，今后的返利先补足它")
    expect(shop.locator("#balance")).to_be_disabled()
    expect(shop.locator("dd[data-sum=payable]")).to_have_text("¥110.00")
