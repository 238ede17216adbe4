"""Metadata in the office: shown with a record, and changed where the API lets it be changed."""

from playwright.sync_api import Page, expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, Classroom

KEPT = {"crm": "17", "team": "招生 A"}
TRIGGER: dict[str, object] = {
    "name": "Hello",
    "when": {"event": "signed_up"},
    "limits": {"per_student": 1},
}
CAMPAIGN: dict[str, object] = {
    "name": "Autumn",
    "purpose": "new students",
    "starts_at": "2026-01-01T00:00:00Z",
    "ends_at": "2999-01-01T00:00:00Z",
}


def records(classroom: Classroom) -> dict[str, str]:
    """Make one record of each kind that can be changed; return their views by their paths in the API."""
    batch = classroom.batch()
    template = classroom.operator.get(f"/v1/batches/{batch}").json()["template_id"]
    trigger: dict[str, object] = {**TRIGGER, "then": {"batch_id": batch}, "metadata": KEPT}
    webhook: dict[str, object] = {"url": "http://127.0.0.1:9/kept", "metadata": KEPT}
    made = {
        "campaigns": classroom._post("/v1/campaigns", {**CAMPAIGN, "metadata": KEPT})["id"],
        "triggers": classroom._post("/v1/triggers", trigger)["id"],
        "webhooks": classroom._post("/v1/webhooks", webhook)["id"],
    }
    views = {f"/v1/{kind}/{name}": f"{kind}/{name}" for kind, name in made.items()}
    views |= {f"/v1/batches/{batch}": f"coupons/{batch}"}
    return views | {f"/v1/templates/{template}": f"coupons/{template}"}


def office(classroom: Classroom, role: Role = Role.OPERATOR) -> Page:
    page = classroom.enter(classroom.context("en", LAPTOP), "/office", role, "ops")
    expect(page.get_by_role("heading", name="Today", level=2)).to_be_visible()
    return page


def test_an_operator_changes_what_the_school_keeps_with_a_record(classroom: Classroom) -> None:
    page = office(classroom)
    for path, view in records(classroom).items():
        before = classroom.operator.get(path).json()["metadata"]
        page.goto(f"{classroom.url}/office#/{view}")
        # The view before stays until this one is loaded, and has a form of the same names.
        expect(
            page.get_by_role("definition").filter(has_text=path.rpartition("/")[2])
        ).to_be_visible()
        page.get_by_text("Change the metadata").click()
        field = page.get_by_label("Metadata")
        expect(field).to_have_value("\n".join(f"{key} = {before[key]}" for key in before))
        field.press("ControlOrMeta+End")
        field.type("\nsheet = 2026-09")
        page.get_by_role("button", name="Save the metadata").click()
        expect(page.get_by_role("definition").filter(has_text="2026-09")).to_be_visible()
        assert classroom.operator.get(path).json()["metadata"] == before | {"sheet": "2026-09"}
        if view.startswith("webhooks"):
            assert classroom.operator.delete(path).is_success


def test_who_may_only_read_sees_it_without_a_form(classroom: Classroom) -> None:
    rule: dict[str, object] = {"courses": ["kept-1"], "max_depth_percent": 90, "metadata": KEPT}
    made = classroom._post("/v1/price-rules", rule)["id"]
    other = {**CAMPAIGN, "metadata": {"team": "教务 B"}}
    campaign = classroom._post("/v1/campaigns", other)["id"]
    page = office(classroom, Role.FINANCE)
    for view, team in ((f"price-rules/{made}", "招生 A"), (f"campaigns/{campaign}", "教务 B")):
        page.goto(f"{classroom.url}/office#/{view}")
        expect(page.get_by_role("definition").filter(has_text=team)).to_be_visible()
        expect(page.get_by_text("Change the metadata")).to_have_count(0)
    assert classroom.operator.delete(f"/v1/price-rules/{made}").is_success
