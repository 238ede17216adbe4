"""A field that the service does not know is refused: whoever sent it believes that it holds."""

import httpx
import pytest

from server.api.app import ENDPOINTS
from server.api.http.endpoints import AnyEndpoint
from server.core.identity import Role
from tests.support.builders.api import ROOM, Api, field_errors, token

pytestmark = pytest.mark.asyncio
WRITING = [endpoint for endpoint in ENDPOINTS if endpoint.method != "GET" and not endpoint.uploads]
_NAMES = {
    "{room}": ROOM,
    "{id}": "id_1",
    "{order_id}": "order-1",
    "{sub}": "tina",
    "{code}": "CODE",
    "{student}": "ada",
    "{other}": "bob",
}


def _path(endpoint: AnyEndpoint) -> str:
    path = endpoint.path
    for name, value in _NAMES.items():
        path = path.replace(name, value)
    return path


async def _send(api: Api, endpoint: AnyEndpoint, body: object) -> httpx.Response:
    role = Role(endpoint.rule.words().split(", ")[0])
    client = await api.client(token(role, "someone", ROOM, may=["offer", "approve"]))
    return await client.request(
        endpoint.method, _path(endpoint), json=body, headers={"If-Match": "1"}
    )


@pytest.mark.parametrize(
    "endpoint", WRITING, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}"
)
async def test_a_field_that_no_call_knows_is_refused_by_name(
    api: Api, endpoint: AnyEndpoint
) -> None:
    before = await api.row_counts()
    answer = await _send(api, endpoint, {"surprise": 1})
    assert ("surprise", "unsupported") in field_errors(answer)
    assert await api.row_counts() == before


@pytest.mark.parametrize(
    "endpoint", WRITING, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}"
)
async def test_an_object_without_fields_is_as_good_as_no_body(
    api: Api, endpoint: AnyEndpoint
) -> None:
    client = await api.client(
        token(Role(endpoint.rule.words().split(", ")[0]), "someone", ROOM, may=["offer", "approve"])
    )
    headers = {"If-Match": "1"}
    without = await client.request(endpoint.method, _path(endpoint), headers=headers)
    with_an_object = await _send(api, endpoint, {})
    assert with_an_object.status_code == without.status_code
    if without.is_success:  # a link for the screen has another token each time
        assert with_an_object.json().keys() == without.json().keys()
    else:
        assert with_an_object.json() == without.json()
