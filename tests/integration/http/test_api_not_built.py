"""Fields of the contract that are not built yet: each is refused, for whoever sends one believes that it
holds. A row leaves with the field being built."""

import pytest

from tests.support.builders.api import Api, Json, an_order, field_errors

pytestmark = pytest.mark.asyncio

REDEMPTION_FIELDS: list[Json] = [{"metadata": {"till": "3"}}]
CODE_FIELDS: list[Json] = [{"metadata": {"for": "poster"}}]
CLAIM_FIELDS: list[Json] = [{"device": "d1"}]


def _named(fields: Json) -> str:
    return "-".join(fields)


@pytest.mark.parametrize("fields", REDEMPTION_FIELDS, ids=_named)
async def test_of_a_lock(api: Api, fields: Json) -> None:
    body = {"order_id": "o", "student": "ann", "order": an_order(), "coupons": [], **fields}
    before = await api.row_counts()
    answer = await (await api.service()).post("/v1/redemptions", json=body)
    assert field_errors(answer) == [(next(iter(fields)), "unsupported")]
    assert await api.row_counts() == before


@pytest.mark.parametrize("fields", CODE_FIELDS, ids=_named)
async def test_of_codes(api: Api, fields: Json) -> None:
    batch = await api.made_batch()
    before = await api.row_counts()
    path = f"/v1/batches/{batch['id']}/codes"
    answer = await (await api.operator()).post(path, json={"quantity": 1, **fields})
    assert field_errors(answer) == [(next(iter(fields)), "unsupported")]
    assert await api.row_counts() == before


@pytest.mark.parametrize("fields", CLAIM_FIELDS, ids=_named)
async def test_of_a_claim(api: Api, fields: Json) -> None:
    drop = await api.made_drop()
    path = f"/v1/drops/{drop['id']}/claims"
    answer = await (await api.student()).post(path, json={"request_id": "q", **fields})
    assert field_errors(answer) == [(next(iter(fields)), "unsupported")]
