"""The office: find anything, one student's whole story, an order and its refund; and what support may."""

from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, PHONE, Classroom

SHOTS: Path | None = None  # a folder, to look at the page


def shot(page: Page, name: str) -> None:
    if SHOTS is not None:
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def paid_order(classroom: Classroom, student: str) -> str:
    """Let the student have a coupon and pay an order with it; return the order's number."""
    batch = classroom.batch(quantity=10)
    form: dict[str, object] = {"batch_id": batch, "students": [student], "reason": "a welcome"}
    classroom._post("/v1/issuances", form)
    headers = {"Authorization": f"Bearer {classroom.token(Role.SERVICE, 'shop')}"}
    with httpx.Client(base_url=classroom.url, headers=headers) as shop:
        people = [{"id": student, "name": "Amy Wang", "tags": ["grade-3"]}]
        assert shop.post("/v1/students", json={"students": people}).is_success
        coupons = classroom.operator.get("/v1/coupons", params={"student": student}).json()
        lines = [
            {"id": "1", "course": "algebra", "unit_price": 15000, "quantity": 2},
            {"id": "2", "course": "geometry", "unit_price": 9000, "quantity": 1},
        ]
        order = {"order_id": classroom.name("o"), "student": student, "coupons": []}
        order["coupons"] = [coupons["coupons"][0]["code"]]
        body = {**order, "order": {"currency": "CNY", "lines": lines}}
        locked = shop.post("/v1/redemptions", json=body)
        assert locked.is_success, locked.text
        path = f"/v1/redemptions/{locked.json()['id']}/confirm"
        assert shop.post(path, json={"payment_ref": f"wx-{classroom.room}"}).is_success
    return str(order["order_id"])


def find(page: Page, text: str) -> None:
    page.get_by_role("searchbox").fill(text)
    page.get_by_role("searchbox").press("Enter")


def give_a_coupon(page: Page) -> None:
    page.get_by_text("Give this student a coupon").click()
    page.get_by_label("Reason (kept in the log of acts)").fill("her class was cut off")
    page.get_by_label("Batch").select_option(index=0)
    shot(page, "student_issue_en")
    page.get_by_role("button", name="Give it").click()


def see_what_was_given(page: Page, student: str) -> None:
    """The coupon of the paid order, and the one that was given and withdrawn, each with its history."""
    page.get_by_role("link", name="Given coupons").click()
    page.get_by_role("textbox", name="Student").fill(student)
    page.get_by_role("button", name="Filter").click()
    rows = page.get_by_role("row").filter(has_text=student)
    expect(rows).to_have_count(2)
    shot(page, "given_en")
    page.get_by_role("link", name="withdrawn", exact=True).click()
    expect(rows).to_have_count(1)
    expect(rows.get_by_role("cell", name="given to this student")).to_be_visible()
    rows.get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()


def test_an_operator_finds_a_student_helps_them_and_refunds_their_order(
    classroom: Classroom,
) -> None:
    student = classroom.name("amy")
    order = paid_order(classroom, student)
    page = classroom.enter(classroom.context("en", LAPTOP), "/office", Role.OPERATOR, "ops")

    find(page, f"wx-{classroom.room}")  # the payment reference of one order leads to it
    expect(page.get_by_role("heading", name=order)).to_be_visible()
    page.get_by_role("spinbutton", name="algebra").fill("1")
    page.get_by_role("button", name="Show what would be paid back").click()
    expect(page.get_by_text("¥146.16 would be paid back")).to_be_visible()
    shot(page, "order_preview_en")
    page.get_by_role("button", name="Refund ¥").click()
    expect(page.get_by_role("heading", name="Refunds", exact=True)).to_be_visible()
    shot(page, "order_refunded_en")

    page.locator("main").get_by_role("link", name=student).click()
    expect(page.get_by_role("heading", name="Amy Wang")).to_be_visible()
    give_a_coupon(page)
    expect(page.get_by_role("button", name="Withdraw this coupon")).to_have_count(1)
    shot(page, "student_en")
    page.get_by_role("button", name="Withdraw this coupon").click()
    page.get_by_label("Reason").fill("given twice")
    page.get_by_role("dialog").get_by_role("button", name="Withdraw this coupon").click()
    expect(page.get_by_role("cell", name="withdrawn")).to_be_visible()
    page.get_by_role("button", name="Block this student").click()
    page.get_by_label("Reason").fill("sells coupons")
    page.get_by_role("dialog").get_by_role("button", name="Block this student").click()
    expect(page.get_by_text("until it is ended: sells coupons")).to_be_visible()
    page.get_by_role("button", name="End the block").click()
    expect(page.get_by_role("button", name="Block this student")).to_be_visible()

    see_what_was_given(page, student)
    page.get_by_role("link", name="Orders and refunds").click()
    page.get_by_role("link", name="Paid", exact=True).click()
    expect(page.get_by_role("link", name=order)).to_be_visible()
    page.emulate_media(color_scheme="dark")
    shot(page, "orders_en_dark")


def test_support_finds_gives_a_coupon_and_changes_nothing_else(classroom: Classroom) -> None:
    student = classroom.name("amy")
    order = paid_order(classroom, student)
    page = classroom.enter(classroom.context("en", PHONE), "/office", Role.SUPPORT, "sue")
    find(page, student[:40])
    expect(page.get_by_role("heading", name="Amy Wang")).to_be_visible()
    expect(page.get_by_role("button", name="Block this student")).to_have_count(0)
    give_a_coupon(page)
    expect(page.get_by_role("cell", name="usable")).to_be_visible()
    expect(page.get_by_role("button", name="Withdraw this coupon")).to_have_count(0)
    page.get_by_role("link", name=order).click()
    page.get_by_role("button", name="Show what would be paid back").click()
    expect(page.get_by_text("¥380.00 would be paid back")).to_be_visible()
    expect(page.get_by_role("button", name="Refund ¥")).to_have_count(0)
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", name="明细")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    shot(page, "order_zh_phone")
    find(page, "no-such-thing")
    expect(page.get_by_text("没有找到")).to_be_visible()
    shot(page, "nothing_zh_phone")
    twin = {"id": f"{student}.2", "name": "Amy Zhao"}
    assert classroom.operator.post("/v1/students", json={"students": [twin]}).is_success
    find(page, student)
    expect(page.get_by_role("columnheader", name="种类")).to_be_visible()
    shot(page, "find_zh_phone")
