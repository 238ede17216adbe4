"""/sdk/v1/: files of one state of the SDK, which browsers keep for ever."""

import httpx
import pytest
from starlette.applications import Starlette

from server.pages.assets import Asset
from server.pages.routes import page_assets
from server.pages.sdk_version import content_hash, sdk_version_routes

FILES = {"index.js": Asset.of(b"export {};", "js"), "a/b.js": Asset.of(b"let b;", "js")}


def client() -> httpx.AsyncClient:
    app = Starlette(routes=sdk_version_routes(FILES))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.mark.asyncio
async def test_a_file_is_found_by_way_of_a_redirect_and_kept_for_ever() -> None:
    async with client() as http:
        moved = await http.get("/sdk/v1/a/b.js")
        kept = await http.get(moved.headers["location"])

    assert (moved.status_code, moved.headers["cache-control"]) == (307, "no-cache")
    assert moved.headers["access-control-allow-origin"] == "*"
    assert (kept.status_code, kept.content) == (200, b"let b;")
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert kept.headers["access-control-allow-origin"] == "*"


@pytest.mark.asyncio
async def test_a_file_of_another_release_leads_to_that_of_this_one() -> None:
    async with client() as http:
        moved = await http.get(f"/sdk/v1/{'0' * 20}/a/b.js")

    assert (moved.status_code, moved.headers["cache-control"]) == (307, "no-cache")
    assert moved.headers["location"] == f"/sdk/v1/{content_hash(FILES)}/a/b.js"


@pytest.mark.asyncio
async def test_an_unknown_file_is_not_found_under_any_hash() -> None:
    async with client() as http:
        for path in (
            "index.ts",
            "0" * 20 + "/c.js",
            "0" * 19 + "/index.js",
            content_hash(FILES) + "/c.js",
        ):
            assert (await http.get(f"/sdk/v1/{path}")).status_code == 404


def test_the_hash_changes_with_content_and_with_path() -> None:
    body, name = dict(FILES), dict(FILES)
    body["index.js"] = Asset.of(b"export{};", "js")
    name["main.js"] = name.pop("index.js")

    assert len({content_hash(files) for files in (FILES, body, name)}) == 3


def test_modules_of_the_sdk_import_one_another_by_relative_paths() -> None:
    store = page_assets()
    entry = "/sdk/index.js"
    source = store.files[entry].body.decode()

    assert all(path.startswith("/sdk/") for path in store.modules_of(entry))
    assert '"/sdk/' not in source
