"""Browsers of some years ago work: what they lack is removed from a new browser, and a lesson is played."""

from playwright.sync_api import Route, expect

from server.core.identity import Role
from tests.browser.conftest import Classroom

# Safari on iOS 15.0 and Chrome 90 have none of these.
LACKS = """
delete AbortSignal.timeout; delete AbortSignal.any; delete Object.hasOwn; delete Object.groupBy;
delete globalThis.structuredClone; delete crypto.randomUUID;
for (const name of ["at", "findLast", "findLastIndex", "toSorted", "toReversed", "toSpliced", "with"])
  delete Array.prototype[name];
delete String.prototype.at; delete Promise.withResolvers; delete Element.prototype.moveBefore;
delete Document.prototype.adoptedStyleSheets; delete ShadowRoot.prototype.adoptedStyleSheets;
delete HTMLDialogElement.prototype.showModal; delete HTMLElement.prototype.showPopover;
delete Element.prototype.checkVisibility; delete location.ancestorOrigins;
globalThis.CSSStyleSheet = undefined;
"""


def test_an_older_browser_claims_looks_into_the_wallet_and_checks_out(classroom: Classroom) -> None:
    classroom.drop(classroom.batch())
    context = classroom.context()
    context.add_init_script(LACKS)
    amy = classroom.enter(context, f"/rooms/{classroom.room}", Role.STUDENT, "amy")
    expect(amy.locator("classdrop-room .claim")).to_have_css(
        "min-height", "54px"
    )  # its styles are applied
    amy.locator("classdrop-room .claim").click()
    expect(amy.locator("classdrop-room .card")).to_have_attribute("data-phase", "confirmed")
    expect(amy.locator("#coupons .coupon")).to_have_count(1)
    with context.expect_page() as opened:
        amy.locator("#coupons a").click()
    checkout = opened.value
    expect(checkout.locator("#trouble")).to_be_hidden()
    checkout.locator("#shelf button").first.click()
    expect(checkout.locator("#choices .choice, #unusable .choice")).to_have_count(1)


def test_a_fault_of_the_page_is_not_told_as_the_network_s(classroom: Classroom) -> None:
    context = classroom.context(locale="en")
    context.add_init_script("delete globalThis.AbortController")
    page = classroom.enter(context, "/orders", Role.STUDENT, "amy")
    expect(page.locator("#trouble")).to_contain_text("This page has a fault")
    classroom.watched.complaints.clear()  # the fault was logged to the console


def test_one_bad_coupon_does_not_hide_the_others(classroom: Classroom) -> None:
    classroom.drop(classroom.batch(name="Good one"))
    amy = classroom.student()
    amy.locator("classdrop-room .claim").click()
    expect(amy.locator("#coupons .coupon")).to_have_count(1)

    def with_odd_ones(route: Route) -> None:
        answer = route.fetch().json()
        good = answer["coupons"][0]
        odd = [
            {**good, "template": {**good["template"], "use_url": "https://shop.example:99999/x"}},
            {**good, "template": {**good["template"], "currency": "XX"}},
            {**good, "use_by": "soon"},
            {**good, "state": "of a later version"},
            {**good, "template": {**good["template"], "discount": {"kind": "rebate"}}},
            {**good, "template": None},
        ]
        route.fulfill(json={**answer, "coupons": [*odd, good]})

    amy.route("**/v1/me/coupons*", with_odd_ones)
    amy.reload()
    expect(amy.locator("#coupons .coupon")).to_have_count(7)
    expect(amy.locator("#coupons .coupon strong").nth(0)).to_have_text("Good one")
    classroom.watched.complaints.clear()  # each fault was logged to the console
