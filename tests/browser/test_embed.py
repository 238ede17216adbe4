"""The card over the school's own player, in a frame of another site."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from server.core.identity import Role
from tests.browser.conftest import Classroom
from tests.browser.school_site import lesson


@pytest.fixture
def school(classroom: Classroom, school_port: int) -> Page:
    """A page of the allowed origin with amy's card in it."""
    classroom.watched.hosts.add(f"localhost:{school_port}")
    page = classroom.context().new_page()
    token = classroom.token(Role.STUDENT, "amy")
    frame = f"{classroom.url}/embed/rooms/{classroom.room}#token={token}"
    page.goto(lesson(f"http://localhost:{school_port}", frame))
    return page


def heard(page: Page) -> list[dict[str, object]]:
    found: list[dict[str, object]] = page.evaluate("window.heard")
    return found


def test_the_school_s_page_hears_what_happens_and_no_secret(
    classroom: Classroom, school: Page
) -> None:
    frame = school.frame_locator("iframe")
    school.wait_for_function("heard.some(({event}) => event === 'ready')")
    classroom.drop(classroom.batch())
    frame.locator(".claim").click()
    expect(frame.locator("code")).not_to_be_empty()
    code = frame.locator("code").text_content() or ""
    school.wait_for_function("heard.some(({event}) => event === 'confirmed')")

    told = heard(school)
    assert {"ready", "opened", "won", "confirmed", "size"} <= {str(each["event"]) for each in told}
    assert all(each["type"] == "classdrop" for each in told)
    assert code not in str(told)
    sizes = [each for each in told if each["event"] == "size"]
    assert sizes[0]["height"] == 0  # nothing there: nothing in the way of the player
    assert int(str(sizes[-1]["height"])) > 100


def test_the_frame_paints_nothing_but_the_card(school: Page) -> None:
    body = school.frame_locator("iframe").locator("body")
    expect(body).to_have_css("background-color", "rgba(0, 0, 0, 0)")


def test_another_site_cannot_frame_it(classroom: Classroom, school_port: int) -> None:
    stranger = f"http://127.0.0.1:{school_port}"
    classroom.watched.hosts.add(urlsplit(stranger).netloc)
    page = classroom.context().new_page()
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.goto(lesson(stranger, f"{classroom.url}/embed/rooms/{classroom.room}"))
    expect(page.frame_locator("iframe").locator("classdrop-room")).to_have_count(0)
    classroom.watched.complaints.clear()  # the browser's, about the stranger
