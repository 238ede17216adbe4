"""The claim page of a link: before sign-in, through the school's sign-in and back, claimed, and ended."""

import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from server.core.identity import Role
from tests.browser.conftest import LAPTOP, Classroom

SHOTS: Path | None = None  # a folder, to look at the pages


def a_link(classroom: Classroom, **change: object) -> dict[str, object]:
    of_room = classroom.operator.get(f"/v1/batches/{classroom.batch()}").json()
    form = {"name": "读者券", "quantity": 100, "channel": "wechat", "per_student": 1}
    batch = classroom._post("/v1/batches", {**form, "template_id": of_room["template_id"]})["id"]
    body = {"channel": "wechat", "quantity": 5, "message": "给老读者的一点心意", **change}
    return classroom._post(f"/v1/batches/{batch}/links", body)


def shot(page: Page, name: str) -> None:
    if SHOTS is not None:
        page.screenshot(path=SHOTS / f"B_{name}.png", full_page=True)


def test_a_reader_signs_in_at_the_school_and_gets_what_they_pressed_for(
    classroom: Classroom,
) -> None:
    link = a_link(classroom)
    page = classroom.context("zh-CN").new_page()
    page.goto(f"{classroom.url}/c/{link['slug']}")
    button = page.get_by_role("button", name="立即领取")
    expect(button).to_be_visible()
    expect(page.locator("#hint")).to_have_text("领取时需要先登录。")
    shot(page, "claim_before")
    page.emulate_media(color_scheme="dark")
    shot(page, "claim_before_dark")
    page.route(
        "**/sign-in**", lambda route: route.fulfill(body="sign in", content_type="text/html")
    )

    button.click()
    page.wait_for_url(re.compile("sign-in"))
    classroom.watched.forgive("asked elsewhere")  # the sign-in is the school's
    back = httpx.URL(page.url).params["return"]
    assert back == f"{classroom.url}/c/{link['slug']}"
    page.goto(f"{back}#token={classroom.token(Role.STUDENT, 'amy')}")

    expect(page.locator("classdrop-offer")).to_contain_text("立即使用")
    assert "token" not in page.url
    shot(page, "claim_won_dark")
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="English").click()
    expect(page.locator("classdrop-offer")).to_contain_text("Use now")
    shot(page, "claim_won")


def test_an_ended_link_says_why(classroom: Classroom) -> None:
    link = a_link(classroom)
    page = classroom.context("en", viewport=LAPTOP).new_page()
    page.goto(f"{classroom.url}/c/{link['slug']}")
    expect(page.get_by_role("button", name="Claim")).to_be_visible()
    shot(page, "claim_laptop")
    headers = {"Authorization": f"Bearer {classroom.token(Role.OPERATOR, 'olga')}"}
    path = f"{classroom.url}/v1/links/{link['id']}"

    httpx.patch(path, json={"state": "paused"}, headers=headers).raise_for_status()
    page.reload()
    expect(page.locator("#ended")).to_have_text("Claiming is paused. Please come back later.")
    httpx.patch(path, json={"state": "ended"}, headers=headers).raise_for_status()
    page.reload()
    expect(page.locator("#ended")).to_have_text("The school has ended this link.")
    shot(page, "claim_ended")


@pytest.mark.parametrize("agent", ["Mozilla/5.0", "facebookexternalhit/1.1"])
def test_a_preview_reads_the_page_and_changes_nothing(classroom: Classroom, agent: str) -> None:
    link = a_link(classroom)
    headers = {"Authorization": f"Bearer {classroom.token(Role.OPERATOR, 'olga')}"}
    path = f"{classroom.url}/v1/links/{link['id']}"
    page = f"{classroom.url}/c/{link['slug']}"

    for method in ("GET", "HEAD", "GET"):
        answer = httpx.request(method, page, headers={"User-Agent": agent})
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    text = httpx.get(page).text

    assert '<meta property="og:title" content="开学季专享">' in text
    assert '<meta property="og:description" content="给老读者的一点心意">' in text
    assert httpx.get(path, headers=headers).json() == link
    assert httpx.get(f"{classroom.url}/c/0000000000").status_code == 404
    assert httpx.post(page).status_code == 405


def test_the_code_on_the_screen_leads_to_the_coupon_for_a_minute(classroom: Classroom) -> None:
    room = f"/v1/rooms/{classroom.room}/drops"
    drop = classroom._post(
        room, {"batch_id": classroom.batch(), "quantity": 5, "duration_seconds": 60}
    )
    headers = {"Authorization": f"Bearer {classroom.token(Role.OPERATOR, 'olga')}"}
    console = classroom.teacher()
    console.locator(".code-panel summary").click()
    expect(console.locator(".code-image")).to_be_visible()
    shot(console, "console_code")
    ticket = httpx.get(f"{classroom.url}{room}/{drop['id']}/ticket", headers=headers).json()
    page = classroom.context("zh-CN").new_page()
    page.route(
        "**/sign-in**", lambda route: route.fulfill(body="sign in", content_type="text/html")
    )
    page.goto(f"{classroom.url}/q/{ticket['ticket']}")
    shot(page, "ticket_before")
    page.get_by_role("button", name="立即领取").click()
    page.wait_for_url(re.compile("sign-in"))
    classroom.watched.forgive("asked elsewhere")

    # Somebody of another class: the ticket alone lets them in.
    back = httpx.URL(page.url).params["return"]
    outsider = replace(classroom, room="another-class").token(Role.STUDENT, "zoe")
    page.goto(f"{back}#token={outsider}")
    expect(page.locator("classdrop-offer")).to_contain_text("立即使用")
    shot(page, "ticket_won")

    page.route(
        "**/v1/tickets/*/card",
        lambda route: route.fulfill(
            status=410,
            content_type="application/problem+json",
            body='{"code": "ticket_expired", "status": 410}',
        ),
    )
    page.goto(f"{classroom.url}/q/{ticket['ticket']}")
    page.reload()
    expect(page.locator("#ended")).to_have_text("屏幕上的二维码已更换，请对着屏幕再扫一次。")
    classroom.watched.forgive("410")
    shot(page, "ticket_expired")
