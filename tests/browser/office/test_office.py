"""The office in a browser: one story of an operator, and what finance sees of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page, expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, PHONE, Classroom

SHOTS: Path | None = None  # a folder, to look at the page


def shot(page: Page, name: str) -> None:
    if SHOTS is not None:
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def campaign(classroom: Classroom, name: str) -> str:
    now = datetime.now(UTC).replace(microsecond=0)
    form: dict[str, object] = {
        "name": name,
        "purpose": "back to school",
        "starts_at": (now - timedelta(days=1)).isoformat(),
        "ends_at": (now + timedelta(days=9)).isoformat(),
        "budget": {"money": {"amount": 5_000_000, "currency": "CNY"}, "pieces": 1000},
        "phases": [
            {
                "name": "warm-up",
                "from": (now - timedelta(days=1)).isoformat(),
                "until": (now + timedelta(days=2)).isoformat(),
            }
        ],
    }
    return str(classroom._post("/v1/campaigns", form)["id"])


def make_campaign(classroom: Classroom, page: Page) -> None:
    """Fill in the form, first with an end before its start, which the server refuses at its field."""
    page.get_by_text("New campaign").click()
    page.get_by_label("Name").fill("winter")
    page.get_by_label("Purpose").fill("winter classes")
    page.get_by_label("Starts").fill("2030-12-02T10:00")
    page.get_by_label("Ends").fill("2030-12-01T10:00")
    page.get_by_label("Budget in money").fill("300.5")
    page.get_by_role("button", name="Create the campaign").click()
    expect(page.get_by_label("Ends")).to_have_attribute("aria-invalid", "true")
    shot(page, "campaign_refused_en_dark")
    page.get_by_label("Ends").fill("2030-12-09T10:00")
    page.get_by_role("button", name="Create the campaign").click()
    expect(page.get_by_role("heading", name="winter")).to_be_visible()
    expect(page.get_by_text("¥300.5").first).to_be_visible()
    classroom.watched.forgive("422")  # the refused form


def test_an_operator_finds_a_campaign_stops_it_and_sends_the_view(classroom: Classroom) -> None:
    name = classroom.name("开学季")
    campaign_id = campaign(classroom, name)
    page = classroom.enter(classroom.context(), "/office", Role.OPERATOR, "ops")
    page.get_by_role("link", name="活动", exact=True).click()
    shot(page, "campaigns_zh")
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_text("¥50,000").first).to_be_visible()
    assert page.url.endswith(f"#/campaigns/{campaign_id}")
    shot(page, "campaign_zh")

    page.get_by_role("button", name="停止领取和使用").click()
    page.get_by_label("原因").fill("wrong price")
    shot(page, "stop_zh")
    page.get_by_role("dialog").get_by_role("button", name="停止领取和使用").click()
    expect(page.get_by_text("wrong price")).to_be_visible()
    assert classroom.operator.get(f"/v1/campaigns/{campaign_id}").json()["stopped"]["claims"]

    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.reload()  # the address alone leads back to the view
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.emulate_media(color_scheme="dark")
    shot(page, "campaign_en_dark")
    page.get_by_role("link", name="Campaigns").click()
    make_campaign(classroom, page)
    page.get_by_role("navigation").get_by_role("link", name="Campaigns").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download CSV").click()
    content = saved.value.path().read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert name in content.decode()


def test_an_operator_changes_what_another_has_changed_meanwhile(classroom: Classroom) -> None:
    name = classroom.name("spring")
    path = f"/v1/campaigns/{campaign(classroom, name)}"
    page = classroom.enter(classroom.context("en", LAPTOP), "/office", Role.OPERATOR, "ops")
    page.goto(f"{classroom.url}/office#/campaigns/{path.rpartition('/')[2]}")
    page.get_by_text("Change the campaign").click()
    page.get_by_label("Budget in coupons").fill("1200")
    page.get_by_label("Purpose").fill("mine")
    theirs = {"purpose": "theirs", "name": f"{name} 2"}
    change = classroom.operator.patch(path, json=theirs, headers={"If-Match": "1"})
    assert change.is_success, change.text

    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog")
    both = dialog.get_by_role("group", name="Purpose")
    expect(both.get_by_text("theirs", exact=True)).to_be_visible()
    both.get_by_text("mine", exact=True).click()
    dialog.get_by_role("button", name="Save what is chosen").click()

    expect(page.get_by_role("heading", name=f"{name} 2")).to_be_visible()
    saved = classroom.operator.get(path).json()
    assert (saved["purpose"], saved["version"], saved["phases"][0]["name"]) == (
        *("mine", 3, "warm-up"),
    )
    assert saved["budget"]["pieces"]["amount"] == 1200
    classroom.watched.forgive("409")


def test_finance_reads_and_changes_nothing(classroom: Classroom) -> None:
    laptop = classroom.context("en", LAPTOP)
    page = classroom.enter(laptop, "/office", Role.FINANCE, "fin")
    name = classroom.name("spring")
    page.goto(f"{classroom.url}/office#/campaigns/{campaign(classroom, name)}")
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.locator("main button")).to_have_count(0)
    page.get_by_role("link", name="Statements").click()
    page.get_by_label("From").fill("2026-01-01")
    page.get_by_label("To (included)").fill("2026-01-31")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(f"{classroom.url}/office#/statements?from=2026-01-01&to=2026-01-31")
    expect(page.get_by_text("No day of these is closed yet")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="XLSX").click()
    assert saved.value.suggested_filename == "statement_2026-01-01_2026-01-31.xlsx"
    page.get_by_label("The provider's file").set_input_files(
        {"name": "paid.csv", "mimeType": "text/csv", "buffer": b"order,paid\nnobody-1,100\n"}
    )
    with page.expect_download() as differences:
        page.get_by_role("button", name="Download the differences").click()
    assert "only_there,nobody-1,,,100,0" in differences.value.path().read_text()
    shot(page, "statements_en")
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
    shot(page, "statements_en_phone")
