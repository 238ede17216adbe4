"""Roles by endpoint: PROTOCOL.md's table against the running application, both ways."""

import re
from pathlib import Path

import httpx
import pytest

from server.api.app import ENDPOINTS
from server.api.http import health
from server.api.http.document import docs
from server.api.links import link_pages, tickets
from server.core.identity import Role
from tests.support.builders.api import ROOM, Api, token

pytestmark = pytest.mark.asyncio

PROTOCOL = Path(__file__).parents[3] / "client_sdk" / "PROTOCOL.md"
NAMES = {
    "{room}": ROOM,
    "{id}": "drp_1",
    "{order_id}": "order-1",
    "{sub}": "tina",
    "{student}": "ann",
    "{code}": "CODE",
    "{ticket}": "drp_1.1.12345678",
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
Row = tuple[str, str, frozenset[Role] | None]  # method, path, roles; None: anyone


def rows() -> list[Row]:
    """A row for each method and path of the table. `…` stands for the last path written in full, a path
    without a method for a sibling of the one before it."""
    table = PROTOCOL.read_text().partition("| call | who |")[2].partition("\n\n")[0]
    found: list[Row] = []
    base = ""
    for line in table.splitlines()[2:]:
        calls, who = (cell.strip() for cell in line.split("|")[1:3])
        methods: list[str] = []
        path = ""
        for word in re.findall(r"`([^`]+)`", calls):
            *named, place = word.split(" ")
            if place in METHODS:  # `POST`, `GET /v1/…`
                methods = [*methods, place] if not path else [place]
                path = ""
                continue
            methods = named if named and path else [*methods, *named]
            if place.startswith("…"):
                path = base + place[1:]
            elif named or not path:
                path = base = place.partition("?")[0]
            else:
                path = path.rpartition("/")[0] + place
            found += [(method, path, roles(who, method)) for method in methods]
    return [(method, path.partition("?")[0], who) for method, path, who in found]


def roles(who: str, method: str) -> frozenset[Role] | None:
    """The cell, and what the text above the table says of operators and finance."""
    if who == "anyone":
        return None
    all_of_it, _, readers = who.partition("; ")
    found = {Role(word) for word in all_of_it.split(", ")}
    if method == "GET":
        found |= {role for role in Role if f"{role}s see" in readers}
    if Role.INSTRUCTOR in found:
        found.add(Role.OPERATOR)
    if method == "GET" and found & {Role.OPERATOR, Role.SERVICE}:
        found.add(Role.FINANCE)
    return frozenset(found)


async def test_every_call_is_in_the_table_and_every_row_is_a_call() -> None:
    plain = {
        (endpoint.method.upper(), endpoint.path)
        for endpoint in (
            *health.PUBLIC_ENDPOINTS,
            *docs.PUBLIC_ENDPOINTS,
            *link_pages.PUBLIC_ENDPOINTS,
            *tickets.PUBLIC_ENDPOINTS,
        )
    }
    listed = [(method, path) for method, path, _ in rows()]

    assert set(listed) == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS} | plain
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row[0]} {row[1]}")
async def test_a_call_is_for_whom_the_table_says(api: Api, row: Row) -> None:
    method, path, allowed = row
    for name, value in NAMES.items():
        path = path.replace(name, value)
    client = await api.client()
    refused = {
        role
        for role in Role
        if await _status(
            client, method, path, token(role, "someone", ROOM, may=["offer", "approve"])
        )
        in (401, 403)
    }
    without = await _status(client, method, path, None)

    assert refused == (set() if allowed is None else set(Role) - allowed)
    assert (without == 401) == (allowed is not None)


async def _status(client: httpx.AsyncClient, method: str, path: str, bearer: str | None) -> int:
    headers = {"If-Match": "1"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    body: object = None if method == "GET" else {}
    return (await client.request(method, path, json=body, headers=headers)).status_code
