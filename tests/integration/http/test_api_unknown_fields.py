"""A field that the service does not know is refused: whoever sent it believes that it holds."""

import httpx
import pytest

from server.api.app import CALLS
from server.api.http.endpoints import AnyCall
from server.core.identity import Role
from tests.support.builders.api import ROOM, Api, field_errors, token

pytestmark = pytest.mark.asyncio
WRITING = [call for call in CALLS if call.method != "GET"]
_NAMES = {"{room}": ROOM, "{id}": "id_1", "{order_id}": "order-1", "{code}": "CODE"}


def _path(call: AnyCall) -> str:
    path = call.path
    for name, value in _NAMES.items():
        path = path.replace(name, value)
    return path


async def _send(api: Api, call: AnyCall, body: object) -> httpx.Response:
    role = Role(call.rule.words().split(", ")[0])
    client = await api.client(token(role, "someone", ROOM))
    return await client.request(call.method, _path(call), json=body, headers={"If-Match": "1"})


@pytest.mark.parametrize("call", WRITING, ids=lambda call: f"{call.method} {call.path}")
async def test_a_field_that_no_call_knows_is_refused_by_name(api: Api, call: AnyCall) -> None:
    before = await api.row_counts()
    answer = await _send(api, call, {"surprise": 1})
    assert ("surprise", "unsupported") in field_errors(answer)
    assert await api.row_counts() == before


@pytest.mark.parametrize("call", WRITING, ids=lambda call: f"{call.method} {call.path}")
async def test_an_object_without_fields_is_as_good_as_no_body(api: Api, call: AnyCall) -> None:
    client = await api.client(token(Role(call.rule.words().split(", ")[0]), "someone", ROOM))
    headers = {"If-Match": "1"}
    without = await client.request(call.method, _path(call), headers=headers)
    assert (await _send(api, call, {})).json() == without.json()
