"""Reports in the office: from a total to its definition, its rows and its file."""

from datetime import UTC, datetime, timedelta

import httpx
from playwright.sync_api import Page, expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, PHONE, Classroom
from tests.browser.office.test_office import shot


def claimed_drop(classroom: Classroom) -> str:
    """Open a drop that two students claim; return its batch."""
    batch = classroom.batch()
    drop = classroom.drop(batch)
    for name in ("amy", "bob"):
        bearer = {"Authorization": f"Bearer {classroom.token(Role.STUDENT, name)}"}
        claim = f"{classroom.url}/v1/drops/{drop['id']}/claims"
        answer = httpx.post(claim, json={"request_id": f"report-{name}"}, headers=bearer)
        assert answer.is_success, answer.text
    return batch


def wait_for_report(classroom: Classroom, page: Page, batch: str) -> dict[str, str]:
    """Wait until a worker has added the claims up; return the days, by any calendar on Earth."""
    today = datetime.now(UTC).date()
    days = {"from": str(today - timedelta(days=1)), "to": str(today + timedelta(days=1))}
    span = {**days, "by": "batch", "limit": "1000"}
    for _ in range(200):
        rows = classroom.operator.get("/v1/reports/coupons", params=span).json()["rows"]
        if any(row["key"] == batch and row["figures"]["claimed"]["net"] == 2 for row in rows):
            return days
        page.wait_for_timeout(100)
    raise AssertionError(f"the claims of {batch} are in no report")


def ask_by_batch(page: Page, days: dict[str, str]) -> None:
    page.get_by_role("link", name="Reports").click()
    page.get_by_label("From", exact=True).fill(days["from"])
    page.get_by_label("To (included)").fill(days["to"])
    page.get_by_label("Group by").select_option("batch")
    page.get_by_role("button", name="Filter").click()


def fits_a_phone(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    shot(page, "report_day_dark")
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", name="报表", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    shot(page, "report_phone_zh")


def test_a_report_leads_from_a_total_to_its_rows_and_its_file(classroom: Classroom) -> None:
    batch = claimed_drop(classroom)
    page = classroom.enter(classroom.context("en", LAPTOP), "/office", Role.FINANCE, "fin")
    expect(page.get_by_role("heading", name="To look at")).to_be_visible()
    expect(page.locator("main form")).to_have_count(0)  # finance acts on no alert
    live = page.get_by_role("table", name="Drops that run now")
    running = live.get_by_role("row").filter(has=page.locator(f'a[href*="{batch}"]'))
    expect(running.get_by_role("cell").nth(4)).to_have_text("2")
    shot(page, "today_en")
    days = wait_for_report(classroom, page, batch)
    ask_by_batch(page, days)
    rows = page.get_by_role("table", name="Rows of the report")
    row = rows.get_by_role("row").filter(has_text=batch)
    expect(row).to_be_visible()
    total = page.locator("section").filter(has=page.get_by_role("heading", name="Total (CNY)"))
    claimed = total.locator(".figures > div").filter(has=page.get_by_text("Claimed", exact=True))
    claimed.get_by_text("Definition").click()
    expect(claimed.get_by_text("claimed = claimed - claimed_ended")).to_be_visible()
    expect(page.get_by_role("slider", name="Claimed (Net)")).to_be_visible()
    shot(page, "report_en")

    row.get_by_role("link", name="2", exact=True).last.click()
    expect(page.get_by_role("table", name="Coupons").locator("tbody tr")).to_have_count(2)
    shot(page, "report_rows_en")
    page.go_back()
    expect(row).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download CSV").click()
    assert batch in saved.value.path().read_text("utf-8-sig")

    with page.expect_download() as whole:
        page.get_by_role("button", name="Download the whole report (CSV)").click()
    assert batch in whole.value.path().read_text("utf-8-sig")

    page.get_by_label("Group by").select_option("day")
    page.get_by_role("button", name="Filter").click()
    chart = page.get_by_role("slider", name="Claimed (Net)")
    expect(page.get_by_role("columnheader", name="Day", exact=True).first).to_be_attached()
    chart.focus()
    page.keyboard.press("Home")
    expect(chart).to_have_attribute("aria-valuenow", "1")
    fits_a_phone(page)
