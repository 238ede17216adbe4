"""Fields of the contract that are not built yet: each is refused, for whoever sends one believes that it
holds. A row leaves with the field being built."""

import pytest

from tests.support.builders.api import Api, Json, field_errors

pytestmark = pytest.mark.asyncio

CLAIM_FIELDS: list[Json] = [{"device": "d1"}]


def _named(fields: Json) -> str:
    return "-".join(fields)


@pytest.mark.parametrize("fields", CLAIM_FIELDS, ids=_named)
async def test_of_a_claim(api: Api, fields: Json) -> None:
    drop = await api.made_drop()
    path = f"/v1/drops/{drop['id']}/claims"
    answer = await (await api.student()).post(path, json={"request_id": "q", **fields})
    assert field_errors(answer) == [(next(iter(fields)), "unsupported")]
