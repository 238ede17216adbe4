"""Visitors with an old link, without a link, or with somebody else's."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from server.commands.token import TokenRequest, make_tokens
from server.core.identity import Role
from server.tokens import TokenKeys
from tests.browser.conftest import Classroom
from tests.support.servers.stack import SECRET

PAGES = [
    ("/rooms/{room}", Role.STUDENT),
    ("/console/{room}", Role.INSTRUCTOR),
    ("/checkout", Role.STUDENT),
    ("/orders", Role.STUDENT),
    ("/lottery/lot_1", Role.STUDENT),
]
STRANGERS = [
    ("/rooms/{room}", Role.INSTRUCTOR),
    ("/console/{room}", Role.STUDENT),
    ("/checkout", Role.INSTRUCTOR),
    ("/orders", Role.INSTRUCTOR),
    ("/lottery/lot_1", Role.INSTRUCTOR),
]


def leads_to_sign_in(page: Page, path: str, url: str) -> None:
    link = page.locator("#outside a")
    expect(link).to_have_text("Sign in")
    asked = parse_qs(urlsplit(link.get_attribute("href") or "").query)
    assert asked == {"from": ["classdrop"], "return": [f"{url}{path}"]}


@pytest.mark.parametrize(("path", "role"), PAGES)
def test_an_expired_link_is_said_once_and_leads_to_the_sign_in(
    classroom: Classroom, path: str, role: Role
) -> None:
    path = path.format(room=classroom.room)
    request = TokenRequest(role, classroom.name("amy"), (classroom.room,), ttl_seconds=60)
    old = next(iter(make_tokens(TokenKeys((SECRET,)), request, int(time.time()) - 3600)))
    page = classroom.context(locale="en").new_page()
    asked: list[str] = []
    calls = (f"{classroom.url}/v1/", f"{classroom.url}/shop/")
    page.on("request", lambda each: asked.append(each.url) if each.url.startswith(calls) else None)
    page.on("websocket", lambda each: asked.append(each.url))
    refused: list[str] = []
    page.on("response", lambda each: refused.append(each.url) if each.status == 401 else None)
    page.goto(f"{classroom.url}{path}#token={old}")
    expect(page.locator("#outside")).to_contain_text("expired")
    leads_to_sign_in(page, path, classroom.url)
    if page.locator("#connection").count():
        expect(page.locator("#connection")).to_have_attribute("data-state", "stopped")
    page.wait_for_load_state("networkidle")
    before = len(asked)
    page.evaluate("dispatchEvent(new Event('online')); dispatchEvent(new Event('pageshow'))")
    page.wait_for_load_state("networkidle")
    assert len(asked) == before
    # Each refused call is an error in the console, which may come later than the answer.
    while len(classroom.watched.complaints) < len(refused):
        page.wait_for_event("console")
    classroom.watched.complaints.clear()


def test_a_page_without_a_token_leads_to_the_sign_in(classroom: Classroom) -> None:
    page = classroom.context(locale="en").new_page()
    page.goto(f"{classroom.url}/checkout?coupon=AB-12&return=https://evil.example")
    expect(page.locator("#outside")).to_contain_text("course page")
    path = "/checkout?coupon=AB-12&return=https://evil.example"
    leads_to_sign_in(page, path, classroom.url)


@pytest.mark.parametrize(("path", "role"), STRANGERS)
def test_a_role_that_has_nothing_to_do_here_is_told_so(
    classroom: Classroom, path: str, role: Role
) -> None:
    path = path.format(room=classroom.room)
    page = classroom.enter(classroom.context(locale="en"), path, role, "amy")
    expect(page.locator("#outside")).to_contain_text("This page is for a")
    expect(page.locator("#outside")).to_contain_text(
        f"signed in as {'student' if role is Role.STUDENT else 'teacher'}"
    )
