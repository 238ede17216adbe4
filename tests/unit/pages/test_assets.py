"""The bytes of a page: how many there are, how often they are sent, and under which policy."""

import gzip
from collections.abc import Sequence

import httpx
import pytest
from starlette.applications import Starlette

from server.pages.policy import checked_origins, page_headers
from server.pages.routes import PageFacts, page_assets, page_routes

pytestmark = pytest.mark.asyncio

SCHOOL = "https://school.example"
# Most of it is the two text tables and the cards of tasks, draws and offers.
MOST_BYTES = 66 * 1024


def client(origins: Sequence[str] = (SCHOOL,)) -> httpx.AsyncClient:
    app = Starlette(routes=page_routes(PageFacts(tuple(origins), "https://drop.example")))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://drop.example")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("room/student", "/rooms/algebra"),
        ("console/console", "/console/algebra"),
        ("console/history", "/console/algebra/history"),
        ("shop/checkout", "/checkout"),
        ("shop/orders", "/orders"),
        ("wallet/wallet", "/wallet"),
        ("room/embed", "/embed/rooms/algebra"),
    ],
)
async def test_a_page_with_all_it_needs_weighs_at_most_66_kb(name: str, path: str) -> None:
    store = page_assets()
    async with client() as browser:
        page = await browser.get(path)
    modules = store.modules_of(f"/static/{name}.js")
    styles = ["/static/shared/page.css", f"/static/{name}.css", "/static/shared/icon.svg"]
    if name.startswith("shop/"):
        styles.append("/static/shop/shop.css")
    weight = len(gzip.compress(page.content))
    weight += sum(store.files[file].wire_bytes for file in [*modules, *styles])
    assert weight <= MOST_BYTES
    # The index brings all of the SDK; pages import the modules that they use.
    assert "/sdk/index.js" not in modules
    for file in [*modules, *styles]:
        assert (
            file in page.text
        )  # preloaded, so that the browser need not discover one file after the other


async def test_the_offices_first_load_weighs_at_most_120_kb() -> None:
    store = page_assets()
    async with client() as browser:
        page = await browser.get("/office")
    modules = store.modules_of("/static/office/office.js")
    # Pages of the office are loaded when they are opened; the largest one belongs to the first load.
    parts = [
        path for path in store.files if path.startswith("/static/office/") and "-page.js" in path
    ]
    opened = max(
        sum(store.files[file].wire_bytes for file in {*store.modules_of(part)} - {*modules})
        for part in parts
    )
    own = ["/static/office/reports/chart.css", "/static/office/office.css"]
    styles = ["/static/shared/page.css", *own, "/static/shared/icon.svg"]
    weight = len(gzip.compress(page.content)) + opened
    weight += sum(store.files[file].wire_bytes for file in [*modules, *styles])
    assert weight <= 120 * 1024
    assert not set(parts) & set(modules)


async def test_the_office_knows_the_time_zone_of_the_school() -> None:
    app = Starlette(routes=page_routes(PageFacts(time_zone="Asia/Kathmandu")))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://drop.example") as browser:
        page = await browser.get("/office")
        other = await browser.get("/wallet")
    assert 'data-time-zone="Asia/Kathmandu"' in page.text
    assert "data-time-zone" not in other.text


async def test_no_page_has_a_script_or_a_style_of_its_own() -> None:
    async with client() as browser:
        paths = ("/rooms/a", "/console/a", "/checkout", "/orders", "/office", "/wallet")
        for path in (*paths, "/embed/rooms/a"):
            text = (await browser.get(path)).text
            assert "<style" not in text
            assert " style=" not in text
            assert text.count("<script") == text.count('<script type="module" src="/static/') == 1
            assert "//" not in text.replace("<!doctype", "").replace(SCHOOL, "")


async def test_only_the_embed_page_may_be_framed_and_only_by_the_school() -> None:
    async with client() as browser:
        student = (await browser.get("/rooms/a")).headers["content-security-policy"]
        embed = (await browser.get("/embed/rooms/a")).headers["content-security-policy"]
    assert "frame-ancestors 'none'" in student
    assert f"frame-ancestors 'self' {SCHOOL}" in embed
    assert "default-src 'self'" in student


async def test_a_file_the_browser_has_is_not_sent_again() -> None:
    async with client() as browser:
        first = await browser.get("/sdk/api.js")
        second = await browser.get("/sdk/api.js", headers={"If-None-Match": first.headers["etag"]})
    assert first.headers["cache-control"] == "no-cache"
    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["content-type"].startswith("text/javascript")
    assert (second.status_code, second.content) == (304, b"")


async def test_who_does_not_unpack_gets_it_plain_under_another_tag() -> None:
    async with client() as browser:
        packed = await browser.get("/static/shared/page.css")
        plain = await browser.get(
            "/static/shared/page.css", headers={"Accept-Encoding": "identity"}
        )
    assert "content-encoding" not in plain.headers
    assert plain.text == packed.text
    assert plain.headers["etag"] != packed.headers["etag"]


async def test_the_sdk_can_be_imported_by_other_sites() -> None:
    async with client() as browser:
        sdk = await browser.get("/sdk/room-element.js")
        own = await browser.get("/static/room/student.js")
    assert sdk.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in own.headers


@pytest.mark.parametrize(
    "path",
    ["/rooms/a%20b", "/rooms/" + "a" * 65, "/static/none.js", "/static/..%2froutes.py", "/sdk/"],
)
async def test_what_is_not_there_is_not_found(path: str) -> None:
    async with client() as browser:
        assert (await browser.get(path)).status_code == 404


async def test_a_page_says_its_first_word_in_the_language_asked_for() -> None:
    async with client() as browser:
        zh = await browser.get("/rooms/a", headers={"Accept-Language": "zh-CN,zh;q=0.9"})
        en = await browser.get("/rooms/a", headers={"Accept-Language": "fr"})
    assert '<html lang="zh-CN">' in zh.text
    assert '<html lang="en">' in en.text
    assert "Accept-Language" in zh.headers["vary"]


@pytest.mark.parametrize(
    "origin", ["school.example", "https://a b", "https://a; script-src *", "*"]
)
async def test_what_is_no_origin_never_reaches_a_header(origin: str) -> None:
    with pytest.raises(ValueError, match="not an origin"):
        checked_origins([origin])


async def test_sockets_are_allowed_where_the_pages_are_reached() -> None:
    headers = page_headers((), "https://drop.example/", framed=False)
    assert "connect-src 'self' wss://drop.example;" in headers["Content-Security-Policy"]
