"""The token playground signs for the demo on this machine, and for nobody else."""

import re

import httpx
import jwt
import pytest
from starlette.applications import Starlette

from server.core.identity import Role
from server.pages.routes import PageFacts, page_routes
from server.tokens import TokenKeys

pytestmark = pytest.mark.asyncio
KEYS = TokenKeys(["a-secret-that-is-long-enough-for-a-test"])
FORM = {"role": "student", "sub": "ann", "rooms": ["demo"], "tags": [], "minutes": 60}
PATH = "/docs/playground"


def client(
    *, is_demo: bool = True, host: str = "localhost", address: str = "127.0.0.1"
) -> httpx.AsyncClient:
    facts = PageFacts(sign_demo_token=KEYS.sign if is_demo else None)
    transport = httpx.ASGITransport(Starlette(routes=page_routes(facts)), client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")


async def test_it_makes_a_token_that_the_server_accepts() -> None:
    async with client() as browser:
        assert (await browser.get(PATH)).status_code == 200
        made = await browser.post(f"{PATH}/token", json=FORM)
    token = made.json()["token"]
    identity = KEYS.verify(token, _issued_at(token) * 1000)
    assert (identity.subject, identity.role, identity.rooms) == (
        "ann",
        Role.STUDENT,
        frozenset({"demo"}),
    )
    assert made.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "where",
    [
        {"is_demo": False},
        {"address": "192.0.2.7"},
        {"host": "evil.example"},
    ],
    ids=["outside the demo", "another machine", "another name"],
)
async def test_elsewhere_there_is_no_such_page(where: dict[str, object]) -> None:
    async with client(**where) as browser:  # type: ignore[arg-type]
        assert (await browser.get(PATH)).status_code == 404
        assert (await browser.post(f"{PATH}/token", json=FORM)).status_code == 404


async def test_every_role_can_be_chosen() -> None:
    async with client() as browser:
        page = (await browser.get(PATH)).text
    assert set(re.findall(r"<option>(\w+)", page)) == {role.value for role in Role}


async def test_a_proxy_in_between_is_not_this_machine() -> None:
    async with client() as browser:
        sent = await browser.post(
            f"{PATH}/token", json=FORM, headers={"X-Forwarded-For": "192.0.2.7"}
        )
    assert sent.status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"role": "king"}, "role"),
        ({"sub": ""}, "sub"),
        ({"rooms": []}, "rooms"),
        ({"rooms": ["a b"]}, "rooms"),
        ({"tags": "vip"}, "tags"),
        ({"minutes": 721}, "minutes"),
        ({"minutes": True}, "minutes"),
    ],
)
async def test_a_field_that_is_not_valid_is_named(change: dict[str, object], field: str) -> None:
    async with client() as browser:
        refused = await browser.post(f"{PATH}/token", json={**FORM, **change})
    assert (refused.status_code, refused.json()["field"]) == (422, field)


async def test_a_form_of_another_site_signs_nothing() -> None:
    async with client() as browser:
        for content_type in ("text/plain", "application/x-www-form-urlencoded"):
            headers = {"Content-Type": content_type}
            sent = await browser.post(
                f"{PATH}/token", content=b'{"role":"operator"}', headers=headers
            )
            assert sent.status_code == 422


def _issued_at(token: str) -> int:
    issued: int = jwt.decode(token, options={"verify_signature": False})["iat"]
    return issued
