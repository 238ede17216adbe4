"""Price rules in the office: a rule is made and ended."""

from playwright.sync_api import expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, Classroom


def test_an_operator_makes_a_price_rule_and_ends_it(classroom: Classroom) -> None:
    page = classroom.enter(classroom.context("en", LAPTOP), "/office", Role.OPERATOR, "ops")
    page.get_by_role("link", name="Price rules").click()
    page.get_by_text("New rule").click()
    page.get_by_label("Courses").fill("guarded-1, guarded-2")
    page.get_by_role("button", name="Make the rule").click()
    expect(page.get_by_text("missing")).to_be_visible()
    classroom.watched.forgive("422")  # the refused form
    page.get_by_label("Deepest, in percent").fill("20")
    page.get_by_role("button", name="Make the rule").click()
    expect(page.get_by_role("heading", name="guarded-1, guarded-2")).to_be_visible()
    expect(page.get_by_role("row", name="guarded-2")).to_be_visible()
    rule = page.url.split("/")[-1]
    page.get_by_role("button", name="End this rule").click()
    page.get_by_label("Reason").fill("the term is over")
    page.get_by_role("dialog").get_by_role("button", name="End this rule").click()
    expect(page.get_by_text("No rule yet", exact=False)).to_be_visible()
    page.goto(f"{classroom.url}/office#/acts?subject={rule}")
    expect(page.get_by_text("the term is over")).to_be_visible()
