"""Audiences and sends of the office in a browser: a file becomes a list, and the list gets coupons."""

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


def upload_a_list(classroom: Classroom, page: Page) -> None:
    page.get_by_role("link", name="Audiences", exact=True).click()
    page.get_by_text("New audience").click()
    page.get_by_label("Name of the audience").fill(classroom.name("gone"))
    ids = [classroom.name(name) for name in ("ann", "bob", "ann", "cleo")]
    content = "student\n" + "\n".join([*ids, "1.2E+10"])
    page.get_by_label("Upload a list").set_input_files(
        {"name": "list.csv", "mimeType": "text/csv", "buffer": content.encode()}
    )
    expect(page.get_by_text("3 good rows, 1 duplicates, 1 bad ones")).to_be_visible()
    shot(page, "audience_new")
    press(page, "Create the audience")
    expect(page.get_by_text("3 students")).to_be_visible()
    shot(page, "audience")


def make_a_rule(classroom: Classroom, page: Page) -> None:
    page.get_by_role("navigation").get_by_role("link", name="Audiences").click()
    page.get_by_text("New audience").click()
    page.get_by_label("Name of the audience").fill(classroom.name("vip"))
    page.get_by_label("Kind").select_option("rule")
    page.get_by_label("Value", exact=True).fill("vip")
    press(page, "Add a condition")
    page.get_by_label("Fact", exact=True).nth(1).select_option("last_seen")
    page.get_by_label("Comparison").nth(1).select_option("not_within_days")
    page.get_by_label("Value", exact=True).nth(1).fill("30")
    shot(page, "rule_new")
    press(page, "Create the audience")
    expect(page.get_by_text("Last seen not within the last days 30")).to_be_visible()
    expect(page.get_by_text("0 students")).to_be_visible()
    shot(page, "rule")


def send_to_the_list(classroom: Classroom, page: Page) -> None:
    """A batch of two for three students: one goes without, until there is more."""
    page.get_by_role("navigation").get_by_role("link", name="Sends").click()
    page.get_by_role("link", name="New send").click()
    page.get_by_label("What (batch · left)").select_option(label="10 元券 · 2")
    page.get_by_label("Audience", exact=True).select_option(label=classroom.name("gone"))
    expect(page.get_by_text("3 students are in this audience now")).to_be_visible()
    page.get_by_label("Reason").fill("come back")
    shot(page, "send_new")
    press(page, "Send")
    expect(page.get_by_role("heading", name="come back")).to_be_visible()
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    page.get_by_role("link", name="Out of stock").click()
    expect(page.get_by_role("row")).to_have_count(2)  # the head, and one student
    shot(page, "send_done")


def test_an_operator_uploads_a_list_and_sends_to_it_twice(classroom: Classroom) -> None:
    batch = classroom.batch(quantity=2)
    page = classroom.enter(classroom.context("en", LAPTOP), "/office", Role.OPERATOR, "ops")
    upload_a_list(classroom, page)
    make_a_rule(classroom, page)
    send_to_the_list(classroom, page)
    changed = classroom.operator.patch(
        f"/v1/batches/{batch}",
        json={"quantity": 5, "expected_quantity": 2},
        headers={"If-Match": "1"},
    )
    assert changed.is_success, changed.text

    press(page, "Send again to those who got none")
    expect(page.get_by_role("heading", name="Again: come back")).to_be_visible()
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    expect(page.get_by_role("cell", name="Issued")).to_be_visible()
    press(page, "Undo and take back")
    expect(page.get_by_role("heading", name="Undone")).to_be_visible()
    page.emulate_media(color_scheme="dark")
    press(page, "中文")
    expect(page.get_by_role("heading", name="已撤销")).to_be_visible()
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    shot(page, "send_zh_phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_an_edit_in_the_office_leaves_and_changes_an_audience_s_metadata(
    classroom: Classroom,
) -> None:
    name, operator = classroom.name("tagged"), classroom.operator
    form = {"name": name, "kind": "tag", "tag": "vip", "metadata": {"crm": "17"}}
    made = operator.post("/v1/audiences", json=form)
    assert made.is_success, made.text
    page = classroom.enter(classroom.context("en", LAPTOP), "/office", Role.OPERATOR, "ops")
    page.get_by_role("navigation").get_by_role("link", name="Audiences").click()
    page.get_by_role("link", name=name).click()
    page.get_by_text("Change", exact=True).click()
    page.get_by_label("Name of the audience").fill(f"{name} 2")
    press(page, "Save as a new version")
    expect(page.get_by_role("heading", name=f"{name} 2")).to_be_visible()

    kept = operator.get(f"/v1/audiences/{made.json()['id']}").json()
    assert (kept["name"], kept["metadata"]) == (f"{name} 2", {"crm": "17"})

    page.get_by_text("Change", exact=True).click()
    expect(page.get_by_label("Metadata")).to_have_value("crm = 17")
    page.get_by_label("Metadata").fill("crm = 18")
    press(page, "Save as a new version")
    expect(page.get_by_role("definition").filter(has_text="18")).to_be_visible()
    kept = operator.get(f"/v1/audiences/{made.json()['id']}").json()
    assert kept["metadata"] == {"crm": "18"}
