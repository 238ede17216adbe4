"""The start page, the demo's short links, and the response to an unknown address."""

from collections.abc import Mapping

import httpx
import pytest
from starlette.applications import Starlette

from server.demo_link import DemoLink
from server.pages.routes import PageFacts, lost_page, page_routes
from server.pages.short_links import MAX_WRONG

pytestmark = pytest.mark.asyncio

LATER = 4_000_000_000
TEACHER = DemoLink("teacher", "7Q2K9XHD", "/console/demo", "aaa.bbb.ccc", LATER)
LOCAL = "http://127.0.0.1:8000"


def client(*links: DemoLink, caller: str = "127.0.0.1", url: str = LOCAL) -> httpx.AsyncClient:
    app = Starlette(routes=page_routes(PageFacts(demo_links=links)))
    transport = httpx.ASGITransport(app, client=(caller, 50_000))
    return httpx.AsyncClient(transport=transport, base_url=url)


async def test_a_short_link_leads_to_its_page_with_the_token_in_the_fragment() -> None:
    async with client(TEACHER) as browser:
        answer = await browser.get("/s/7q2k9xhd")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/console/demo#token=aaa.bbb.ccc"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("caller", "url", "headers"),
    [
        ("192.168.1.7", LOCAL, {}),
        ("127.0.0.1", "http://rebound.example:8000", {}),
        ("127.0.0.1", LOCAL, {"X-Forwarded-For": "203.0.113.9"}),
    ],
    ids=["another machine", "another name", "a proxy"],
)
async def test_a_short_link_is_for_this_machine_alone(
    caller: str, url: str, headers: Mapping[str, str]
) -> None:
    async with client(TEACHER, caller=caller, url=url) as browser:
        assert (await browser.get("/s/7Q2K9XHD", headers=headers)).status_code == 404
        assert TEACHER.code not in (await browser.get("/", headers=headers)).text


async def test_a_short_link_ends_with_its_token() -> None:
    old = DemoLink("teacher", "7Q2K9XHD", "/console/demo", "aaa.bbb.ccc", 1)
    async with client(old) as browser:
        assert (await browser.get("/s/7Q2K9XHD")).status_code == 404
        assert old.code not in (await browser.get("/")).text


async def test_whoever_guesses_ends_all_codes() -> None:
    async with client(TEACHER) as browser:
        for number in range(MAX_WRONG):
            assert (await browser.get(f"/s/{number:08}")).status_code == 404
        assert (await browser.get("/s/7Q2K9XHD")).status_code == 404


async def test_the_start_page_has_a_card_for_each_part_of_the_demo() -> None:
    async with client(TEACHER) as browser:
        page = await browser.get("/")
    assert page.status_code == 200
    assert 'href="/s/7Q2K9XHD"' in page.text
    assert "aaa.bbb.ccc" not in page.text
    assert page.headers["cache-control"] == "no-store"


async def test_a_school_s_start_page_says_what_this_is_and_shows_no_link() -> None:
    async with client() as browser:
        page = await browser.get("/")
    assert 'data-say="about_sign_in"' in page.text
    assert "/s/" not in page.text


async def test_the_icon_is_where_browsers_look_for_it() -> None:
    async with client() as browser:
        icon = await browser.get("/favicon.ico")
    assert (icon.status_code, icon.headers["content-type"]) == (200, "image/svg+xml")


async def test_titles_differ_by_page_room_and_language() -> None:
    titles = set()
    async with client() as browser:
        for path in ("/", "/rooms/a", "/rooms/b", "/console/a", "/checkout", "/orders"):
            for language in ("zh", "en"):
                page = await browser.get(path, headers={"Accept-Language": language})
                titles.add(page.text.partition("</title>")[0].rpartition(">")[2])
    assert len(titles) == 12


async def test_a_page_for_a_wrong_address_has_its_status_and_both_languages() -> None:
    app = Starlette(routes=page_routes(PageFacts()))
    lost = lost_page(PageFacts())
    app.add_exception_handler(404, lambda request, _error: lost(request, 404))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=LOCAL) as browser:
        zh = await browser.get("/nowhere", headers={"Accept-Language": "zh"})
        en = await browser.get("/nowhere", headers={"Accept-Language": "en"})
    assert (zh.status_code, en.status_code) == (404, 404)
    assert "没有这个页面 · Classdrop</title>" in zh.text
    assert "No such page · Classdrop</title>" in en.text
