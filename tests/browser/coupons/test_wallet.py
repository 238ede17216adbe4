"""The wallet: coupons by state with their QR code, a typed code, the balance, and a calendar."""

from pathlib import Path

from playwright.sync_api import expect

from server.core.identity import Role
from tests.browser.conftest import PHONE, Classroom
from tests.browser.coupons.test_balance import a_code, earn


def test_a_student_keeps_coupons_in_the_wallet(classroom: Classroom) -> None:
    earn(classroom)
    code = a_code(classroom, scope={"courses": ["algebra-1"], "packages": []})
    context = classroom.context("en-US", PHONE)
    wallet = classroom.enter(context, "/wallet", Role.STUDENT, "amy")
    expect(wallet.locator("#balances")).to_contain_text("20.00")
    expect(wallet.locator("#entries")).to_contain_text("Rebate")
    expect(wallet.locator("#wallet-empty")).to_contain_text("No coupon to use right now")

    wallet.locator("#code").fill("LIVE-0000-0000-0000-00")
    wallet.locator("#code").press("Enter")
    expect(wallet.locator("#code-trouble")).to_be_visible()
    classroom.watched.forgive("404")
    wallet.locator("#code").fill(code)
    wallet.locator("#code").press("Enter")
    expect(wallet.locator("#code-said")).to_contain_text("Added")
    row = wallet.locator("#coupons .coupon")
    expect(row).to_contain_text(code)
    expect(row.locator(".rule")).to_contain_text("Orders from ¥100 · For ")
    expect(row.locator(".rule")).not_to_contain_text("algebra-1")  # by its name

    row.locator("summary").press("Enter")
    expect(row.get_by_role("img", name=code)).to_be_visible()
    with wallet.expect_download() as kept:
        row.get_by_role("link", name="calendar").click()
    file = Path(kept.value.path()).read_bytes().decode()
    assert file.startswith("BEGIN:VCALENDAR")
    assert code in file

    wallet.get_by_role("button", name="Used", exact=True).click()
    expect(wallet).to_have_url(f"{classroom.url}/wallet?state=redeemed")
    expect(row.locator(".state")).to_contain_text("You used it")
    wallet.get_by_role("button", name="中文").click()
    expect(wallet.get_by_role("heading", level=1)).to_have_text("我的优惠券")
    assert wallet.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_room_leads_to_the_wallet_with_its_token(classroom: Classroom) -> None:
    room = classroom.student()
    with room.expect_popup() as opened:
        room.get_by_role("link", name="打开卡包").click()
    wallet = opened.value
    expect(wallet.locator("#wallet-empty")).to_be_visible()
    expect(wallet).to_have_url(f"{classroom.url}/wallet")
