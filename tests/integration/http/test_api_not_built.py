"""Fields of the contract that are not built yet: each is refused, for whoever sends one believes that it
holds. A row leaves with the field being built."""

import pytest

from tests.support.builders.api import ROOM, Api, Json, a_batch, a_drop, an_order, field_errors

pytestmark = pytest.mark.asyncio

DROP_FIELDS: list[Json] = [
    {"mode": "draw"},
    {"task": {"kind": "watch", "minutes": 5}},
    {"task": {"kind": "answer", "question": "1+1?", "options": ["1", "2"], "right": 1}},
    {"task": {"kind": "sign_in"}},
    {"task": {"kind": "invite", "count": 2}},
    {"task": {"kind": "event", "type": "lesson_finished"}},
    {"at": "2999-01-01T00:00:00Z"},
    {"closes": {"at": "2999-01-01T00:00:00Z"}},
    {"closes": "open_end"},
    {"rehearsal": True},
    {"rehearsal": False},
    {"override": {"reason": "it is my birthday"}},
]
BATCH_FIELDS: list[Json] = [
    {"per_person": 1},
    {"per_device": 1},
    {"override": {"reason": "it is my birthday"}},
]
REDEMPTION_FIELDS: list[Json] = [{"metadata": {"till": "3"}}]
CODE_FIELDS: list[Json] = [{"metadata": {"for": "poster"}}]
CLAIM_FIELDS: list[Json] = [{"client_random": "00" * 16}, {"device": "d1"}]


def _named(fields: Json) -> str:
    return "-".join(fields)


@pytest.mark.parametrize("fields", DROP_FIELDS, ids=_named)
async def test_of_a_drop(api: Api, fields: Json) -> None:
    batch = await api.made_batch()
    before = await api.row_counts()
    body = {"batch_id": batch["id"], **a_drop(), **fields}
    answer = await (await api.teacher()).post(f"/v1/rooms/{ROOM}/drops", json=body)
    assert field_errors(answer) == [(next(iter(fields)), "unsupported")]
    assert await api.row_counts() == before


@pytest.mark.parametrize("fields", BATCH_FIELDS, ids=_named)
async def test_of_a_batch(api: Api, fields: Json) -> None:
    template = await api.made_template()
    before = await api.row_counts()
    operator = await api.operator()
    body = {"template_id": template["id"], **a_batch(), **fields}
    answer = await operator.post("/v1/batches", json=body)
    assert field_errors(answer) == [(next(iter(fields)), "unsupported")]
    batch = await api.made_batch()
    answer = await operator.patch(
        f"/v1/batches/{batch['id']}", json=fields, headers={"If-Match": "1"}
    )
    assert field_errors(answer) == [(next(iter(fields)), "unsupported")]
    assert (await api.row_counts())["drops"] == before["drops"]


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
