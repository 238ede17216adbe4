"""Invalid requests: each is refused with its code, and nothing is written."""

from collections.abc import AsyncIterator

import httpx
import orjson
import pytest

from server.core.identity import Role
from tests.support.builders.api import (
    AS_JSON,
    KEYS,
    ROOM,
    Api,
    Json,
    a_batch,
    a_drop,
    a_template,
    an_order,
    field_errors,
    good,
    refused,
    token,
)

pytestmark = pytest.mark.asyncio
DROPS = f"/v1/rooms/{ROOM}/drops"


async def _nothing_written(api: Api, before: dict[str, int]) -> None:
    assert await api.row_counts() == before


TEMPLATES: list[tuple[Json, str, str]] = [
    ({"name": 5}, "name", "wrong_type"),
    ({"name": "x" * 61}, "name", "too_long"),
    ({"name": "  "}, "name", "too_short"),
    ({"description": "x" * 2_001}, "description", "too_long"),
    ({"currency": "XXX"}, "currency", "unknown"),
    ({"currency": "yuan"}, "currency", "bad_format"),
    ({"discount": {"kind": "amount_off", "amount": -5}}, "discount.amount", "too_small"),
    ({"discount": {"kind": "amount_off", "amount": 0.5}}, "discount.amount", "wrong_type"),
    ({"discount": {"kind": "amount_off", "amount": "5"}}, "discount.amount", "wrong_type"),
    ({"discount": {"kind": "amount_off", "amount": True}}, "discount.amount", "wrong_type"),
    ({"discount": {"kind": "amount_off", "amount": 10**30}}, "discount.amount", "wrong_type"),
    ({"discount": {"kind": "percent_off", "percent": 101}}, "discount.percent", "too_large"),
    ({"discount": {"kind": "percent_off", "percent": 0}}, "discount.percent", "too_small"),
    ({"discount": {"kind": "lottery"}}, "discount.kind", "unknown_value"),
    ({"threshold": {"min_amount": -1}}, "threshold.min_amount", "too_small"),
    ({"scope": {"courses": "all"}}, "scope.courses", "wrong_type"),
    ({"use_url": "javascript:alert(1)"}, "use_url", "not_a_url"),
    ({"style": {"image": "http://evil.example/a.png"}}, "style.image", "not_a_url"),
    ({"metadata": {"a": 1}}, "metadata.a", "wrong_type"),
    ({"name": "a\0b"}, "name", "bad_character"),
    (
        {"validity": {"kind": "fixed", "from": "2026-03-02", "until": "2026-03-01"}},
        "validity.until",
        "empty_window",
    ),
    (
        {"validity": {"kind": "fixed", "from": "2026-03-01T09:00:00", "until": "2026-04-01"}},
        "validity.from",
        "bad_format",
    ),
    ({"validity": {"kind": "relative", "seconds": 0}}, "validity.seconds", "too_small"),
]


@pytest.mark.parametrize(("change", "field", "code"), TEMPLATES)
async def test_templates_that_make_no_sense(api: Api, change: Json, field: str, code: str) -> None:
    before = await api.row_counts()
    answer = await (await api.operator()).post("/v1/templates", json=a_template(**change))
    assert field_errors(answer) == [(field, code)]
    await _nothing_written(api, before)


BATCHES: list[tuple[Json, str, str]] = [
    ({"quantity": 0}, "quantity", "too_small"),
    ({"quantity": -1}, "quantity", "too_small"),
    ({"quantity": 1.5}, "quantity", "wrong_type"),
    ({"quantity": 10**12}, "quantity", "too_large"),
    ({"per_student": 0}, "per_student", "too_small"),
    ({"channel": ""}, "channel", "too_short"),
    ({"code_prefix": "很长"}, "code_prefix", "bad_character"),
    ({"rooms": [{"room": "a b"}]}, "rooms.0.room", "bad_format"),
    ({"rooms": [{"room": "a", "quantity": 101}]}, "rooms.0.quantity", "too_large"),
    ({"rooms": [{"room": "a"}, {"room": "a"}]}, "rooms.1.room", "duplicate"),
    (
        {"claim_window": {"from": "2026-03-02", "until": "2026-03-01"}},
        "claim_window.until",
        "empty_window",
    ),
    ({"campaign_id": "cmp_1"}, "campaign_id", "unknown"),
    ({"template_id": 7}, "template_id", "wrong_type"),
]


@pytest.mark.parametrize(("change", "field", "code"), BATCHES)
async def test_batches_that_make_no_sense(api: Api, change: Json, field: str, code: str) -> None:
    template = await api.made_template()
    before = await api.row_counts()
    body = {"template_id": template["id"], **a_batch(), **change}
    answer = await (await api.operator()).post("/v1/batches", json=body)
    assert field_errors(answer) == [(field, code)]
    await _nothing_written(api, before)


DROP_BODIES: list[tuple[Json, str, str]] = [
    ({"quantity": 0}, "quantity", "too_small"),
    ({"quantity": -3}, "quantity", "too_small"),
    ({"quantity": 2.0}, "quantity", "wrong_type"),
    ({"quantity": 10**9}, "quantity", "too_large"),
    ({"duration_seconds": 0}, "duration_seconds", "too_small"),
    ({"duration_seconds": 10**6}, "duration_seconds", "too_large"),
    ({"opens_in_seconds": 301}, "opens_in_seconds", "too_large"),
    ({"message": "x" * 201}, "message", "too_long"),
    ({"start": "later"}, "start", "unknown_value"),
    ({"audience": {"students": ["a b"]}}, "audience.students.0", "bad_format"),
    ({"batch_id": "bat_nowhere"}, "batch_id", "unknown"),
    ({"batch_id": "x" * 41}, "batch_id", "too_long"),
]


@pytest.mark.parametrize(("change", "field", "code"), DROP_BODIES)
async def test_drops_that_make_no_sense(api: Api, change: Json, field: str, code: str) -> None:
    batch = await api.made_batch()
    before = await api.row_counts()
    body = {"batch_id": batch["id"], **a_drop(), **change}
    answer = await (await api.teacher()).post(DROPS, json=body)
    assert field_errors(answer) == [(field, code)]
    await _nothing_written(api, before)


ORDERS: list[tuple[Json, str, str]] = [
    ({"lines": []}, "order.lines", "too_few"),
    ({"currency": "cny"}, "order.currency", "bad_format"),
    ({"lines": [{"id": "1", "course": "c", "unit_price": -1, "quantity": 1}]}, "", "too_small"),
    ({"lines": [{"id": "1", "course": "c", "unit_price": 1.5, "quantity": 1}]}, "", "wrong_type"),
    ({"lines": [{"id": "1", "course": "c", "unit_price": 10**13, "quantity": 1}]}, "", "too_large"),
]


@pytest.mark.parametrize(("change", "field", "code"), ORDERS)
async def test_orders_that_make_no_sense(api: Api, change: Json, field: str, code: str) -> None:
    body = {"order_id": "o", "student": "ann", "order": {**an_order(), **change}, "coupons": []}
    before = await api.row_counts()
    answer = await (await api.service()).post("/v1/redemptions", json=body)
    assert field_errors(answer) == [(field or "order.lines.0.unit_price", code)]
    await _nothing_written(api, before)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "malformed"),
        (b"[" * 40 + b"]" * 40, "too_deep"),
        (b'{"name":' * 40 + b"1" + b"}" * 40, "too_deep"),
        (b"[]", "wrong_type"),
        (b"null", "wrong_type"),
        (b"NaN", "malformed"),
        (b"\xff\xfe", "malformed"),
    ],
)
async def test_bodies_that_are_no_object(api: Api, body: bytes, code: str) -> None:
    before = await api.row_counts()
    answer = await (await api.operator()).post("/v1/templates", content=body, headers=AS_JSON)
    assert field_errors(answer) == [("", code)]
    await _nothing_written(api, before)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=gbk"},
        {**AS_JSON, "Content-Encoding": "gzip"},
    ],
)
async def test_a_body_that_is_not_json_by_its_headers(api: Api, headers: dict[str, str]) -> None:
    before = await api.row_counts()
    content = orjson.dumps(a_template())
    answer = await (await api.operator()).post("/v1/templates", content=content, headers=headers)
    assert "application/json" in refused(answer, 415, "unsupported_media_type")["detail"]
    await _nothing_written(api, before)


@pytest.mark.parametrize("kind", ["application/json; charset=UTF-8", "application/vnd.x+json"])
async def test_json_by_another_name_is_read(api: Api, kind: str) -> None:
    content = orjson.dumps(a_template())
    headers = {"Content-Type": kind}
    answer = await (await api.operator()).post("/v1/templates", content=content, headers=headers)
    assert answer.status_code == 201


async def test_a_byte_order_mark_is_read_over(api: Api) -> None:
    content = b"\xef\xbb\xbf" + orjson.dumps(a_template())
    answer = await (await api.operator()).post("/v1/templates", content=content, headers=AS_JSON)
    assert answer.status_code == 201


async def test_a_call_without_a_body_needs_no_type(api: Api) -> None:
    drop = await api.made_drop()
    path = f"{DROPS}/{drop['id']}/close"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await (await api.teacher()).post(path, headers=headers)).status_code == 200


async def test_an_announced_megabyte_is_refused_unread(api: Api) -> None:
    before = await api.row_counts()
    answer = await (await api.operator()).post(
        "/v1/templates", content=b"x" * 2**20, headers=AS_JSON
    )
    assert refused(answer, 413, "too_large")["max_bytes"] == 65_536
    await _nothing_written(api, before)


async def test_a_megabyte_that_was_not_announced_is_read_to_the_limit_only(api: Api) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(256):
            sent += 4_096
            yield b"x" * 4_096

    answer = await (await api.operator()).post("/v1/templates", content=chunks(), headers=AS_JSON)
    refused(answer, 413, "too_large")


async def test_the_largest_body_is_read(api: Api) -> None:
    content = orjson.dumps(a_template()).ljust(65_536)
    answer = await (await api.operator()).post("/v1/templates", content=content, headers=AS_JSON)
    assert answer.status_code == 201


async def _asked(api: Api, bearer: str | None) -> httpx.Response:
    client = await api.client(bearer)
    return await client.post(DROPS, json=a_drop(batch_id="bat_1"))


async def test_no_token(api: Api) -> None:
    answer = await _asked(api, None)
    refused(answer, 401, "token_missing")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_an_expired_token(api: Api) -> None:
    refused(await _asked(api, token(Role.INSTRUCTOR, "t", ROOM, ttl_s=-61)), 401, "token_expired")


async def test_a_token_we_did_not_sign(api: Api) -> None:
    bearer = token(Role.INSTRUCTOR, "t", ROOM)[:-3] + "AAA"
    answer = await _asked(api, bearer)
    problem = refused(answer, 401, "token_invalid")
    assert problem["reason"] == "signature"
    assert "claim" not in problem
    assert bearer not in answer.text


async def test_a_token_with_a_claim_that_is_wrong_says_which(api: Api) -> None:
    answer = await _asked(api, token(Role.INSTRUCTOR, "t", ROOM, tags="vip"))
    problem = refused(answer, 401, "token_invalid")
    assert (problem["reason"], problem["claim"]) == ("claim_type", "tags")


async def test_a_token_of_another_audience(api: Api) -> None:
    claims = {"sub": "t", "role": "operator", "exp": api.clock.now // 1000 + 60}
    refused(await _asked(api, KEYS.sign({**claims, "aud": "other"})), 401, "token_invalid")


async def test_a_student_tries_to_drop(api: Api) -> None:
    batch = await api.made_batch()
    before = await api.row_counts()
    student = await api.student()
    answer = await student.post(DROPS, json=a_drop(batch_id=batch["id"]))
    refused(answer, 403, "wrong_role")
    await _nothing_written(api, before)


async def test_an_instructor_of_another_room_tries_to_drop(api: Api) -> None:
    batch = await api.made_batch()
    before = await api.row_counts()
    answer = await (await api.teacher("other")).post(DROPS, json=a_drop(batch_id=batch["id"]))
    refused(answer, 403, "wrong_room")
    await _nothing_written(api, before)


async def test_who_may_not_is_told_before_the_body_is_read(api: Api) -> None:
    student = await api.student()
    refused(
        await student.post("/v1/templates", content=b"x" * 2**20, headers=AS_JSON),
        403,
        "wrong_role",
    )
    nobody = await api.client()
    refused(await nobody.post("/v1/templates", content=b"{"), 401, "token_missing")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=1.5", "limit=ten", "after=%00"])
async def test_pages_that_make_no_sense(api: Api, query: str) -> None:
    answer = await (await api.operator()).get(f"/v1/templates?{query}")
    assert field_errors(answer)[0][0] == query.split("=", maxsplit=1)[0]


async def test_request_ids_of_claims(api: Api) -> None:
    drop, ann = await api.made_drop(), await api.student()
    for request_id in ("", "a b", "x" * 65, 7, None, "a\0"):
        answer = await ann.post(f"/v1/drops/{drop['id']}/claims", json={"request_id": request_id})
        assert field_errors(answer)[0][0] == "request_id"
    shown = good(await (await api.teacher()).get(f"{DROPS}/{drop['id']}"))
    assert shown["claimed"] == 0
