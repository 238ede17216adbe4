"""Tasks on the card and in the teacher's form: a question, a sign-in, time watched."""

from playwright.sync_api import Route, expect

from client_sdk.python.tokens import Bearer, make_token
from server.core.identity import Role
from tests.browser.conftest import Classroom
from tests.support.servers.stack import SECRET


def test_a_question_of_the_form_is_answered_on_the_card(classroom: Classroom) -> None:
    classroom.batch()
    teacher, amy = classroom.teacher(), classroom.student("amy")
    expect(amy.locator("#connection")).to_have_attribute("data-state", "live")
    teacher.locator("#task").select_option("answer")
    teacher.locator("#task-question").fill("直角三角形两条直角边是3和4，斜边是？")
    teacher.locator("#task-options").fill("6\n5\n7")
    teacher.locator("#task-right").fill("2")
    teacher.locator("#new .main").click()
    teacher.locator("#takeback .link").click()

    card = amy.locator("classdrop-room .card").first
    expect(card.locator(".task-title")).to_contain_text("斜边")
    expect(card.locator(".claim")).to_be_hidden()
    expect(card.locator(".ring")).to_have_attribute("aria-valuenow", "0")
    card.locator(".options button").first.click()
    expect(card.locator(".task-note")).to_contain_text("还可以答 1 次")
    card.locator(".options button").nth(1).press("Enter")
    expect(card.locator(".task-title")).to_have_text("任务完成，快来领取")
    card.locator(".claim").click()
    expect(card).to_have_attribute("data-phase", "confirmed")
    expect(card.locator(".task")).to_be_hidden()


def test_the_form_offers_to_invite_only_where_the_channel_allows_it(classroom: Classroom) -> None:
    allowing, other = classroom.batch(), classroom.batch()

    def with_rule(route: Route) -> None:
        """Answer as a school that allows invitations on the channel of one batch."""
        answer = route.fetch()
        page = answer.json()
        for batch in page["batches"]:
            batch["may_invite"] = batch["id"] == allowing
        route.fulfill(response=answer, json=page)

    teacher = classroom.context().new_page()
    teacher.route("**/v1/batches?*", with_rule)
    token = classroom.token(Role.INSTRUCTOR, "ms-li")
    teacher.goto(f"{classroom.url}/console/{classroom.room}#token={token}")
    invite = teacher.locator("#task option[value=invite]")
    teacher.locator("#batch").select_option(allowing)
    teacher.locator("#task").select_option("invite")
    expect(teacher.locator("#task-count")).to_be_visible()

    teacher.locator("#batch").select_option(other)

    expect(invite).to_be_disabled()
    expect(teacher.locator("#task")).to_have_value("none")
    expect(teacher.locator("#task-count")).to_be_hidden()
    teacher.locator("#batch").select_option(allowing)
    expect(invite).to_be_enabled()


def test_signing_in_and_watching(classroom: Classroom) -> None:
    batch = classroom.batch()
    classroom.drop(batch, task={"kind": "watch", "minutes": 10})
    classroom.drop(batch, task={"kind": "sign_in"})
    ben = classroom.student("ben", locale="en-GB")
    ben.set_viewport_size({"width": 390, "height": 800})
    cards = ben.locator("classdrop-room .card")
    signing = cards.filter(has_text="Sign in, then claim")
    watching = cards.filter(has_text="Watch 10 minutes, then claim")
    expect(watching.locator(".ring")).to_have_attribute("aria-valuemax", "10")
    expect(watching.locator(".task-figure")).to_contain_text(":")
    ben.emulate_media(color_scheme="dark")
    signing.locator(".options button").click()
    done = cards.filter(has_text="Done: claim it now")
    expect(done.locator(".claim")).to_be_visible()
    ben.reload()  # who comes back is where they were
    expect(done.locator(".claim")).to_be_visible()


def test_an_invitation_counts_once_its_student_has_signed_in(classroom: Classroom) -> None:
    classroom.drop(classroom.batch(), task={"kind": "invite", "count": 1})
    amys = classroom.context()
    amys.grant_permissions(["clipboard-read", "clipboard-write"])
    amy = classroom.enter(amys, f"/rooms/{classroom.room}", Role.STUDENT, "amy")
    card = amy.locator("classdrop-room .card").first
    expect(card.locator(".task-title")).to_contain_text("邀请 1 位新同学")
    card.locator(".options button").click()
    copy = card.locator(".copy-link")
    expect(copy).to_be_focused()
    copy.press("Enter")
    expect(copy).to_contain_text("已复制")
    link = amy.evaluate("navigator.clipboard.readText()")
    assert link == card.locator(".invite-link").inner_text()
    assert "amy" not in link

    new = classroom.context("en-GB").new_page()
    new.goto(link)
    expect(new.locator("#outside")).to_be_visible()  # nobody yet: it waits for the sign-in
    assert "invite" not in new.url
    new.goto("about:blank")  # the school's sign-in, in the same tab
    who = Bearer(sub=classroom.name("newt"), role="student", rooms=(classroom.room,), is_new=True)
    new.goto(f"{classroom.url}/rooms/{classroom.room}#token={make_token(SECRET, who)}")
    expect(new.locator("#invited")).to_contain_text("counts for the classmate")

    expect(card.locator(".task-title")).to_have_text("任务完成，快来领取")
    card.locator(".claim").click()
    expect(card).to_have_attribute("data-phase", "confirmed")
    new.reload()  # told once
    expect(new.locator("#connection")).to_have_attribute("data-state", "live")
    expect(new.locator("#invited")).to_be_hidden()
