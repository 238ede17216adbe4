"""The card over the school's own player, in a frame on another site."""

import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

import client_sdk
from server.commands.token import TokenRequest, make_tokens
from server.core.identity import Role
from server.tokens import TokenKeys
from tests.browser import school_site
from tests.browser.conftest import Classroom
from tests.browser.school_site import lesson
from tests.support.servers.stack import SECRET


@pytest.fixture
def school(classroom: Classroom, school_port: int) -> Page:
    """Return a page of the allowed origin with amy's card in it."""
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
    assert sizes[0]["height"] == 0  # without a card nothing covers the player
    assert int(str(sizes[-1]["height"])) > 100


def guide_page(classroom: Classroom, school_port: int, more: str = "") -> str:
    """Return the page of the guide, served from the school's site with only the names replaced."""
    text = (Path(client_sdk.__file__).parent / "EMBED.md").read_text(encoding="utf-8")
    page = text.split("```html\n")[1].split("```")[0]
    page = page.replace("https://classdrop.school.example", classroom.url)
    page = page.replace("/rooms/algebra", f"/rooms/{classroom.room}")
    listener = """<script>
      window.heard = [];
      addEventListener("message", ({ data }) => heard.push(data));
    </script>"""
    path = f"/guide-{classroom.room}"
    school_site.served[path] = [page.replace("<iframe", f"{listener}{more}<iframe")]
    classroom.watched.hosts.add(f"localhost:{school_port}")
    return f"http://localhost:{school_port}{path}"


def old_token(classroom: Classroom) -> str:
    request = TokenRequest(Role.STUDENT, classroom.name("amy"), (classroom.room,), ttl_seconds=60)
    return next(iter(make_tokens(TokenKeys((SECRET,)), request, int(time.time()) - 3600)))


@pytest.mark.parametrize("width", [320, 375, 640])
def test_a_page_made_from_the_guide_alone_works(
    classroom: Classroom, school_port: int, width: int
) -> None:
    address = guide_page(classroom, school_port)
    fresh = classroom.token(Role.STUDENT, "amy")
    school_site.served["/my-classdrop-token"] = [old_token(classroom), fresh]
    page = classroom.context(viewport={"width": width}).new_page()
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(address)
    frame = page.frame_locator("#coupons")
    page.wait_for_function("heard.filter(({event}) => event === 'token_needed').length === 2")
    classroom.drop(classroom.batch(), message="为认真听课的你准备的一张券")
    frame.locator(".claim").click()
    expect(frame.locator("code")).not_to_be_empty()
    # The size settles, and the whole card is visible.
    fits = """() => {
      const last = heard.filter(({ event }) => event === "size").at(-1);
      const frame = document.getElementById("coupons");
      return last.height > 100 && Math.abs(frame.clientHeight - last.height) < 1;
    }"""
    page.wait_for_function(fits)
    box = frame.locator(".card").bounding_box()
    outer = page.locator("#coupons").bounding_box()
    assert box is not None
    assert outer is not None
    assert outer["x"] <= box["x"]
    assert box["x"] + box["width"] <= outer["x"] + outer["width"]
    assert box["y"] + box["height"] <= outer["y"] + outer["height"]
    assert min(width, 364) == outer["width"]
    sizes = [each for each in heard(page) if each["event"] == "size"]
    assert len(sizes) < 20  # width and height do not drive each other
    assert {each["width"] for each in sizes} == {0, 364}


def test_a_teacher_s_token_in_the_frame_is_refused_in_so_many_words(
    classroom: Classroom, school_port: int
) -> None:
    address = guide_page(classroom, school_port)
    school_site.served["/my-classdrop-token"] = [classroom.token(Role.INSTRUCTOR, "ms-li")]
    page = classroom.context().new_page()
    page.goto(address)
    page.wait_for_function(
        "heard.some(({event, code}) => event === 'refused' && code === 'wrong_role')"
    )


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
    classroom.watched.complaints.clear()  # complaints of the browser about the foreign site
