"""The office: a second operator decides, a receiver is tried, a fault repaired, an alert acted on."""

from playwright.sync_api import Locator, Page, expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, Classroom
from tests.browser.full_school import damage
from tests.support.servers.stack import Program


def office(classroom: Classroom, view: str, name: str = "ops", may: tuple[str, ...] = ()) -> Page:
    context = classroom.context("en", LAPTOP)
    page = classroom.enter(context, "/office", Role.OPERATOR, name, may)
    expect(page.get_by_role("heading", name="Today", level=2)).to_be_visible()
    if view != "today":  # where one enters: drawn again, it would lose what is typed meanwhile
        page.goto(f"{classroom.url}/office#/{view}")
    return page


def answer(page: Page, button: str, reason: str) -> None:
    page.get_by_label("Reason").last.fill(reason)
    page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()


def ask_for_too_many(classroom: Classroom, reason: str) -> dict[str, object]:
    """Send to 31 students, where one operator may send to 30 alone."""
    students = [classroom.name(f"s{number}") for number in range(31)]
    form: dict[str, object] = {"batch_id": classroom.batch(), "students": students}
    return classroom._post("/v1/issuances", {**form, "reason": reason})


def test_another_operator_approves_one_send_and_refuses_the_other(classroom: Classroom) -> None:
    yes, no = (classroom.name(word) for word in ("exams", "gifts"))
    approved, refused = (ask_for_too_many(classroom, reason) for reason in (yes, no))
    view = f"approvals/{approved['approval_id']}"
    without_right = office(classroom, view, "sam")
    without_right.get_by_role("button", name="Approve").click()
    answer(without_right, "Approve", "looks good")
    expect(without_right.locator("main .trouble")).to_be_visible()
    classroom.watched.forgive("403")

    boss = office(classroom, "approvals?state=waiting", "boss", may=("approve",))
    expect(boss.get_by_text("One operator may send alone: 30 students")).to_be_visible()
    expect(boss.get_by_role("link", name=yes)).to_be_visible()
    boss.goto(f"{classroom.url}/office#/sends/{approved['id']}")
    boss.get_by_role("link", name=str(approved["approval_id"])).click()
    expect(boss.get_by_role("heading", name=yes)).to_be_visible()
    boss.get_by_role("button", name="Approve").click()
    answer(boss, "Approve", "as agreed")
    expect(boss.get_by_text("Approved", exact=True)).to_be_visible()
    expect(boss.get_by_text("as agreed")).to_be_visible()
    expect(boss.get_by_role("button", name="Approve")).to_have_count(0)
    boss.goto(f"{classroom.url}/office#/approvals?state=waiting")
    boss.get_by_role("link", name=no).click()
    boss.get_by_role("button", name="Refuse").click()
    answer(boss, "Refuse", "too dear")
    expect(boss.get_by_text("too dear")).to_be_visible()

    assert classroom.operator.get(f"/v1/issuances/{approved['id']}").json()["state"] != "draft"
    assert classroom.operator.get(f"/v1/issuances/{refused['id']}").json()["state"] == "stopped"
    boss.goto(f"{classroom.url}/office#/approvals?state=waiting")
    expect(boss.get_by_role("link", name="Waiting")).to_have_attribute("aria-current", "true")
    for reason in (yes, no):
        expect(boss.get_by_role("link", name=reason)).to_have_count(0)


def test_a_receiver_is_tried_and_gets_a_new_secret(classroom: Classroom, school_port: int) -> None:
    url = f"http://127.0.0.1:{school_port}/hooks/{classroom.room}"
    made = classroom._post("/v1/webhooks", {"url": url})
    page = office(classroom, f"webhooks/{made['id']}")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("The test was answered 204 in")).to_be_visible()
    page.get_by_role("button", name="New secret").click()
    secret = page.get_by_label("The secret for signatures")
    expect(secret).not_to_have_value(str(made["secret"]))
    expect(secret).not_to_have_value("")
    page.get_by_role("button", name="I have kept it").click()
    expect(page.get_by_text("The old secret signs until")).to_be_visible()
    expect(page.get_by_role("cell", name="test", exact=True).first).to_be_visible()

    nobody = classroom._post("/v1/webhooks", {"url": "http://127.0.0.1:9/nobody"})
    page.goto(f"{classroom.url}/office#/webhooks/{nobody['id']}")
    expect(page.get_by_role("heading", name="http://127.0.0.1:9/nobody")).to_be_visible()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("The test failed: not reachable")).to_be_visible()
    for webhook in (made, nobody):
        assert classroom.operator.delete(f"/v1/webhooks/{webhook['id']}").is_success


def test_a_fault_is_found_and_repaired(classroom: Classroom, service: Program) -> None:
    batch = classroom.batch(quantity=7)
    damage(service.data_dir, batch)
    page = office(classroom, "consistency")
    page.get_by_role("button", name="Look now").click()
    fault = page.get_by_role("listitem").filter(has=page.get_by_role("link", name=batch))
    expect(fault).to_be_visible()
    expect(page.get_by_role("heading", name="The counts of a batch do not add up")).to_be_visible()
    page.locator("#language").click()
    expect(page.get_by_role("heading", name="批次的数量对不上")).to_be_visible()
    expect(page.get_by_text("按实际发出的数量改正")).to_be_visible()
    words = fault.get_by_text("says that")  # the server's, in English
    expect(words).to_be_hidden()
    fault.get_by_text("细节（英文）").click()
    expect(words).to_be_visible()
    page.locator("#language").click()
    page.get_by_role("button", name="Look and repair").click()
    answer(page, "Look and repair", "after the restore")
    expect(page.get_by_role("heading", name="What was repaired")).to_be_visible()
    expect(page.get_by_text("after the restore")).to_be_visible()
    expect(fault).to_have_count(0)
    assert classroom.operator.get(f"/v1/batches/{batch}").json()["remaining"] == 7


def nearly_empty(classroom: Classroom, name: str) -> str:
    """Return a batch of 20 with one unit left."""
    template = classroom.operator.get(f"/v1/batches/{classroom.batch()}").json()["template_id"]
    form: dict[str, object] = {"name": name, "template_id": template, "quantity": 20}
    batch = str(
        classroom._post("/v1/batches", {**form, "channel": "poster", "per_student": 1})["id"]
    )
    classroom._post(f"/v1/batches/{batch}/codes", {"quantity": 19})
    return batch


def see(page: Page, alert: Locator, count: int) -> None:
    """Open the page again until a worker has looked: it may have read the batch just before an act."""
    for _ in range(100):
        expect(page.get_by_role("heading", name="To look at")).to_be_visible()
        if alert.count() == count:
            return
        page.wait_for_timeout(200)
        page.reload()
    expect(alert).to_have_count(count)


def test_an_alert_is_mended_where_it_stands_and_another_dismissed(classroom: Classroom) -> None:
    low, other = (classroom.name(word) for word in ("low", "other"))
    batch = nearly_empty(classroom, low)
    nearly_empty(classroom, other)
    page = office(classroom, "today")
    alerts = page.get_by_role("listitem")
    mended, dismissed = (alerts.filter(has_text=f"“{name}”") for name in (low, other))
    see(page, mended, 1)
    see(page, dismissed, 1)
    mended.get_by_label("Units to add").fill("30")
    with page.expect_response("**/act") as answered:
        mended.get_by_role("button", name="Top up").click()
    assert answered.value.ok
    see(page, mended, 0)
    assert classroom.operator.get(f"/v1/batches/{batch}").json()["quantity"] == 50
    dismissed.get_by_role("button", name="Dismiss").click()
    expect(dismissed).to_have_count(0)
