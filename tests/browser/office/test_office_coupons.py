"""The office's coupons in a browser: one story from the wizard to a link on the wall."""

from pathlib import Path

from playwright.sync_api import Page, expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, PHONE, Classroom

SHOTS: Path | None = None  # a folder, to look at the page


def shot(page: Page, name: str) -> None:
    if SHOTS is not None:
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def fill_in_the_wizard(page: Page, name: str) -> None:
    """Make a coupon of four steps, whose card is beside it all the time."""
    page.get_by_label("Name of the coupon").fill(name)
    page.get_by_label("Amount taken off").fill("12.5")
    page.get_by_label("Minimum amount").fill("100")
    expect(page.locator(".card-preview").get_by_text("12.5")).to_be_visible()
    shot(page, "wizard_1")
    press(page, "Next")
    page.get_by_label("Colour").fill("blue")
    shot(page, "wizard_2")
    press(page, "Next")
    shot(page, "wizard_3")
    press(page, "Next")
    page.get_by_label("Name of the batch").fill("first batch")
    page.get_by_label("How many", exact=True).fill("50")
    shot(page, "wizard_4")
    press(page, "Create the coupon")


def wizard(classroom: Classroom, page: Page, name: str) -> str:
    page.get_by_role("link", name="New coupon").click()
    fill_in_the_wizard(page, name)
    # Refused: the wizard goes back to the step with the field.
    expect(page.get_by_label("Colour")).to_have_attribute("aria-invalid", "true")
    classroom.watched.forgive("422")
    page.get_by_label("Colour").fill("#2b6cb0")
    for _ in range(2):
        press(page, "Next")
    press(page, "Create the coupon")
    expect(page.get_by_role("heading", name="first batch")).to_be_visible()
    return page.url.rpartition("/")[2]


def change_what_another_has_changed(classroom: Classroom, page: Page, batch: str) -> None:
    """Two operators change one batch: the dialog shows both values."""
    version = classroom.operator.get(f"/v1/batches/{batch}").json()["version"]
    page.get_by_text("Change the batch").click()
    page.get_by_label("Name of the batch").fill("mine")
    theirs = classroom.operator.patch(
        f"/v1/batches/{batch}",
        json={"name": "theirs", "max_per_minute": 30},
        headers={"If-Match": str(version)},
    )
    assert theirs.is_success, theirs.text
    press(page, "Save")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("30")).to_be_visible()
    shot(page, "conflict")
    dialog.get_by_role("group", name="Name of the batch").get_by_text("mine", exact=True).click()
    dialog.get_by_role("button", name="Save what is chosen").click()
    expect(page.get_by_role("heading", name="mine")).to_be_visible()
    saved = classroom.operator.get(f"/v1/batches/{batch}").json()
    assert (saved["name"], saved["max_per_minute"]) == ("mine", 30)
    classroom.watched.forgive("409")


def make_a_link(classroom: Classroom, page: Page, batch: str) -> None:
    page.get_by_text("New link").click()
    links = page.get_by_role("region", name="Links and QR codes").first
    links.get_by_label("Channel").fill("poster")
    links.get_by_label("How many coupons").fill("20")
    press(page, "Make the link")
    press(page, "QR code")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("img")).to_be_visible()
    shot(page, "qr")
    with page.expect_download() as saved:
        dialog.get_by_role("button", name="Download SVG").click()
    assert saved.value.path().read_text().startswith("<")
    page.keyboard.press("Escape")
    press(page, "Top up")
    dialog.get_by_label("How many more").fill("5")
    dialog.get_by_role("button", name="Top up").click()
    expect(links.get_by_role("cell", name="25", exact=True)).to_be_visible()
    press(page, "Prompt on")
    expect(page.get_by_role("button", name="Prompt off")).to_be_visible()
    press(page, "Pause")
    expect(page.get_by_role("cell", name="Paused")).to_be_visible()
    link = classroom.operator.get(f"/v1/batches/{batch}/links").json()["links"][0]
    assert (link["state"], link["prompt"]) == ("paused", True)


def make_and_disable_codes(page: Page) -> None:
    page.locator("summary", has_text="Codes").click()
    page.get_by_label("How many codes").fill("3")
    press(page, "Make codes")
    expect(page.get_by_text("3 of 3 are made")).to_be_visible()
    with page.expect_download() as saved:
        press(page, "Download all codes (CSV)")
    codes = saved.value.path().read_text().splitlines()
    assert len(codes) == 4
    page.get_by_label("Codes to disable").fill(codes[1].split(",")[0])
    press(page, "Disable")
    expect(page.get_by_text("1 of 1 are disabled")).to_be_visible()
    shot(page, "codes")


def test_an_operator_makes_a_coupon_and_everything_of_it(classroom: Classroom) -> None:
    page = classroom.enter(classroom.context("en", LAPTOP), "/office", Role.OPERATOR, "ops")
    page.get_by_role("link", name="Coupons", exact=True).click()
    shot(page, "batches")
    batch = wizard(classroom, page, classroom.name("spring"))
    shot(page, "batch")
    change_what_another_has_changed(classroom, page, batch)
    page.locator("summary", has_text="Top up").click()
    page.get_by_label("How many more").fill("10")
    press(page, "Top up")
    expect(page.get_by_text("60", exact=True).first).to_be_visible()
    make_a_link(classroom, page, batch)
    make_and_disable_codes(page)

    press(page, "Pause claims")
    page.get_by_label("Reason").fill("wrong price")
    page.get_by_role("dialog").get_by_role("button", name="Pause claims").click()
    expect(page.get_by_text("wrong price")).to_be_visible()
    page.emulate_media(color_scheme="dark")
    press(page, "中文")
    shot(page, "batch_zh_dark")
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    shot(page, "batch_zh_phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("navigation").get_by_role("link", name="优惠券", exact=True).click()
    page.get_by_role("link", name="券模板").click()
    page.get_by_role("link", name=classroom.name("spring")).click()
    page.get_by_text("修改", exact=True).click()
    shot(page, "template_zh_phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_an_operator_ends_a_batch_for_good_after_a_question(classroom: Classroom) -> None:
    batch = classroom.batch()
    page = classroom.enter(classroom.context("en", LAPTOP), "/office", Role.OPERATOR, "ops")
    page.goto(f"{classroom.url}/office#/coupons/{batch}")
    expect(page.get_by_role("button", name="Stop claims and use")).to_be_visible()
    press(page, "End for good")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("it cannot be undone")).to_be_visible()
    page.keyboard.press("Escape")
    assert "ended" not in classroom.operator.get(f"/v1/batches/{batch}").json()

    press(page, "End for good")
    dialog.get_by_label("Reason").fill("sold otherwise")
    dialog.get_by_role("button", name="End for good").click()

    expect(page.get_by_text("Ended for good")).to_be_visible()
    expect(page.get_by_text("sold otherwise")).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)
    expect(page.get_by_role("button", name="Stop use")).to_be_visible()
    shot(page, "batch_ended")
