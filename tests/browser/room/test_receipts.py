"""A student checks the list of claims in their own browser; who got nothing reads one true sentence why."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Classroom
from tests.browser.room.test_live_class import claim, expect_phase, live

CLAIM = "id => document.querySelector('classdrop-room').client.claim(id).catch(() => null)"


def told(page: Page, text: str) -> None:
    """Expect the sentence, as it stands on one of the cards."""
    expect(page.locator("classdrop-room .note").filter(has_text=re.compile(text))).to_be_visible()


def test_the_wallet_proves_a_claim_and_each_loser_is_told_why(classroom: Classroom) -> None:
    batch = classroom.batch()
    drop = classroom.drop(batch, quantity=1)
    amy, ben = classroom.student("amy"), classroom.student("ben", "en-GB")
    live(amy)
    live(ben)
    claim(amy)
    expect_phase(amy, "confirmed")
    check = amy.locator("#coupons .check")
    expect(check).to_have_text("核对领取名单")
    check.click()
    expect(amy.locator("#coupons .proof")).to_contain_text("名单在发券结束后几秒内封存")
    classroom.watched.forgive("409")
    ben.evaluate(CLAIM, drop["id"])
    told(ben, r"1 coupon; yours was tap 2, (\d+ ms|[\d.]+ s) after it went\.")
    classroom._post(f"/v1/rooms/{classroom.room}/drops/{drop['id']}/close", {})
    expect(check).to_have_text("在 1 人的领取名单中，核对")
    check.click()
    said = amy.locator("#coupons .proof")
    expect(said).to_have_text("已在你的浏览器里核对：共 1 份，领取名单 1 条，你是第 1 条。")
    ben.locator("#language").click()
    told(ben, r"共 1 张，你是第 2 次点击，比它被领走晚了 (\d+ 毫秒|[\d.]+ 秒)。")
    amy.locator("#language").click()
    expect(said).to_have_text(re.compile("^Checked in your browser: 1 units, 1 in the list"))
