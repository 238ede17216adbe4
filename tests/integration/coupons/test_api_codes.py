"""Codes over HTTP: made, listed, exported and voided by operators; typed by students."""

import csv
import io

import pytest

from server.api.http.limits.code_limits import STUDENT_RATE
from server.api.http.qr_codes import qr_svg
from tests.support.builders.api import Api, Json, field_errors, good, refused

pytestmark = pytest.mark.asyncio
UNKNOWN = "LIVE-7KQM-3XNA-PV9R-T2"


async def made_codes(api: Api, batch: Json, quantity: int) -> list[str]:
    operator = await api.operator()
    path = f"/v1/batches/{batch['id']}/codes"
    good(await operator.post(path, json={"quantity": quantity}), 201)
    listed = good(await operator.get(path, params={"limit": 200}))
    return [one["code"] for one in listed["codes"]]


async def bound(api: Api, student: str, code: str) -> Json:
    client = await api.student(student)
    return good(await client.post("/v1/me/coupons", json={"code": code}))


async def test_codes_are_made_and_listed_page_by_page(api: Api) -> None:
    batch = await api.made_batch(code_prefix="BOOK")
    operator = await api.operator()
    path = f"/v1/batches/{batch['id']}/codes"

    run = good(await operator.post(path, json={"quantity": 3, "source": "link"}), 201)
    first = good(await operator.get(path, params={"limit": 2}))
    rest = good(await operator.get(path, params={"after": first["next"]}))

    assert (run["quantity"], run["made"], run["source"]) == (3, 3, "link")
    assert [len(first["codes"]), len(rest["codes"]), rest["next"]] == [2, 1, None]
    (last,) = rest["codes"]
    assert last["code"].startswith("BOOK-")
    assert (last["state"], last["source"]) == ("unbound", "link")
    assert last.keys().isdisjoint({"student", "bound_at", "valid_from", "valid_until"})
    assert good(await operator.get(f"/v1/batches/{batch['id']}"))["remaining"] == 97


async def test_a_repeated_request_makes_them_once(api: Api) -> None:
    batch = await api.made_batch()
    operator, path = await api.operator(), f"/v1/batches/{batch['id']}/codes"
    headers = {"Idempotency-Key": "once"}

    first = good(await operator.post(path, json={"quantity": 3}, headers=headers), 201)
    again = good(await operator.post(path, json={"quantity": 3}, headers=headers), 201)
    other = await operator.post(path, json={"quantity": 4}, headers=headers)

    assert first == again
    refused(other, 409, "idempotency_mismatch")
    assert len(good(await operator.get(path))["codes"]) == 3


async def test_a_run_of_codes_keeps_its_metadata(api: Api) -> None:
    batch = await api.made_batch()
    operator, path = await api.operator(), f"/v1/batches/{batch['id']}/codes"
    headers = {"Idempotency-Key": "once"}
    body = {"quantity": 3, "metadata": {"leaflet": "spring"}}

    run = good(await operator.post(path, json=body, headers=headers), 201)
    plain = good(await operator.post(path, json={"quantity": 1}), 201)

    assert (run["made"], run["metadata"]) == (3, {"leaflet": "spring"})
    assert plain["metadata"] == {}
    assert good(await operator.post(path, json=body, headers=headers), 201) == run


async def test_a_run_of_codes_with_too_much_metadata_is_refused(api: Api) -> None:
    batch, operator = await api.made_batch(), await api.operator()
    before = await api.row_counts()
    body = {"quantity": 1, "metadata": {f"k{number}": "" for number in range(21)}}
    answer = await operator.post(f"/v1/batches/{batch['id']}/codes", json=body)
    assert answer.status_code == 422
    assert [field for field, _ in field_errors(answer)] == ["metadata"]
    assert await api.row_counts() == before


async def test_more_than_the_batch_has_are_refused_whole(api: Api) -> None:
    batch = await api.made_batch(quantity=3)
    before = await api.row_counts()
    answer = await (await api.operator()).post(
        f"/v1/batches/{batch['id']}/codes", json={"quantity": 4}
    )
    assert refused(answer, 409, "stock_short")["available"] == 3
    assert await api.row_counts() == before


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, ("quantity", "missing")),
        ({"quantity": 0}, ("quantity", "too_small")),
        ({"quantity": 100_001}, ("quantity", "too_large")),
        ({"quantity": 1, "source": "claim"}, ("source", "unknown_value")),
    ],
)
async def test_a_bad_request_names_its_field(api: Api, body: Json, error: tuple[str, str]) -> None:
    batch = await api.made_batch()
    answer = await (await api.operator()).post(f"/v1/batches/{batch['id']}/codes", json=body)
    assert field_errors(answer) == [error]


@pytest.mark.parametrize("how", ["query", "header"])
async def test_all_codes_come_as_csv(api: Api, how: str) -> None:
    batch = await api.made_batch()
    codes = await made_codes(api, batch, 3)
    await bound(api, "ann", codes[1])
    asked: Json = {"params": {"format": "csv"}} if how == "query" else {}
    if how == "header":
        asked = {"headers": {"Accept": "text/csv"}}

    answer = await (await api.operator()).get(f"/v1/batches/{batch['id']}/codes", **asked)

    assert answer.headers["content-type"].startswith("text/csv")
    assert batch["id"] in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["code"] for row in rows] == codes
    assert [row["state"] for row in rows] == ["unbound", "usable", "unbound"]
    assert [row["student"] for row in rows] == ["", "ann", ""]
    assert rows[1]["bound_at"].endswith("Z")
    assert not rows[0]["valid_until"]


async def test_a_csv_of_nothing_has_its_head_and_of_no_batch_is_none(api: Api) -> None:
    batch, operator = await api.made_batch(), await api.operator()
    answer = await operator.get(f"/v1/batches/{batch['id']}/codes?format=csv")
    assert answer.text.startswith("code,state,")
    assert answer.text.count("\r\n") == 1
    refused(await operator.get("/v1/batches/bat_no/codes?format=csv"), 404, "not_found")


async def test_finance_sees_no_code_that_nobody_has_bound(api: Api) -> None:
    batch, finance = await api.made_batch(), await api.finance()
    free, taken = await made_codes(api, batch, 2)
    await bound(api, "ann", taken)
    path = f"/v1/batches/{batch['id']}/codes"

    listed = good(await finance.get(path))["codes"]
    assert {(one["code"], one["state"]) for one in listed} == {
        ("****", "unbound"),
        (taken, "usable"),
    }
    text = (await finance.get(f"{path}?format=csv")).text
    assert taken in text
    assert free not in text

    refused(await finance.get(f"/v1/coupons/{free}"), 404, "not_found")
    assert good(await finance.get(f"/v1/coupons/{taken}"))["student"] == "ann"
    assert good(await (await api.operator()).get(f"/v1/coupons/{free}"))["code"] == free


async def test_codes_are_an_operators_business(api: Api) -> None:
    batch = await api.made_batch()
    path = f"/v1/batches/{batch['id']}/codes"
    for client in (await api.teacher(), await api.student(), await api.service()):
        refused(await client.get(path), 403, "wrong_role")
        refused(await client.post(path, json={"quantity": 1}), 403, "wrong_role")
    refused(await (await api.finance()).post(path, json={"quantity": 1}), 403, "wrong_role")


async def test_a_typed_code_lies_in_the_wallet_and_takes_money_off(api: Api) -> None:
    batch = await api.made_batch(code_prefix="LIVE")
    (code,) = await made_codes(api, batch, 1)
    ann = await api.student("ann")

    coupon = await bound(api, "ann", code.lower())
    again = await bound(api, "ann", code)
    (in_wallet,) = good(await ann.get("/v1/me/coupons"))["coupons"]
    order = {"currency": "CNY", "lines": [{"id": "1", "course": "c", "unit_price": 5_000}]}
    order["lines"][0]["quantity"] = 1  # type: ignore[index]
    quote = good(await ann.post("/v1/quotes", json={"order": order, "coupons": [code]}))

    assert coupon == again == in_wallet
    assert (coupon["code"], coupon["state"], coupon["batch_id"]) == (code, "usable", batch["id"])
    assert "drop_id" not in coupon
    assert quote["payable"] == 4_000


async def test_every_code_that_is_not_theirs_to_have_is_the_same_answer(api: Api) -> None:
    batch = await api.made_batch()
    anns, voided = await made_codes(api, batch, 2)
    await bound(api, "ann", anns)
    operator, bob = await api.operator(), await api.student("bob")
    path = f"/v1/batches/{batch['id']}/codes/void"
    good(await operator.post(path, json={"codes": [voided]}))

    answers = [
        await bob.post("/v1/me/coupons", json={"code": code})
        for code in (UNKNOWN, anns, voided, "?", "x" * 200)
    ]

    for answer in answers:
        refused(answer, 404, "not_found")
    assert len({answer.content for answer in answers}) == 1


async def test_the_limit_of_the_batch_has_a_code_of_its_own(api: Api) -> None:
    batch = await api.made_batch()
    first, second = await made_codes(api, batch, 2)
    await bound(api, "ann", first)
    answer = await (await api.student("ann")).post("/v1/me/coupons", json={"code": second})
    assert refused(answer, 409, "limit_reached")["limit"] == "batch"


async def test_who_guesses_is_told_to_wait_and_nobody_else_is(api: Api) -> None:
    batch = await api.made_batch(per_student=20)
    codes = await made_codes(api, batch, 12)
    bob = await api.student("bob")
    for code in codes[:11]:
        await bound(api, "bob", code)  # right ones cost nothing

    for _ in range(STUDENT_RATE.burst):
        refused(await bob.post("/v1/me/coupons", json={"code": UNKNOWN}), 404, "not_found")
    answer = await bob.post("/v1/me/coupons", json={"code": codes[11]})

    refused(answer, 429, "rate_limited")
    assert answer.headers["retry-after"] == "60"
    await bound(api, "ann", codes[11])
    api.clock.now += 60_000
    refused(await bob.post("/v1/me/coupons", json={"code": UNKNOWN}), 404, "not_found")


async def test_codes_are_voided_by_name(api: Api) -> None:
    batch = await api.made_batch()
    anns, free = await made_codes(api, batch, 2)
    await bound(api, "ann", anns)
    operator, path = await api.operator(), f"/v1/batches/{batch['id']}/codes/void"

    answer = good(await operator.post(path, json={"codes": [free, anns, UNKNOWN]}))

    assert answer["codes"] == [
        {"code": free, "state": "voided"},
        {"code": anns, "state": "usable"},
        {"code": UNKNOWN, "state": None},
    ]
    assert field_errors(await operator.post(path, json={"codes": []})) == [("codes", "too_few")]
    (in_wallet,) = good(await (await api.student("ann")).get("/v1/me/coupons"))["coupons"]
    assert in_wallet["state"] == "usable"


async def test_only_students_type_codes_and_a_code_is_a_text(api: Api) -> None:
    refused(
        await (await api.teacher()).post("/v1/me/coupons", json={"code": "x"}), 403, "wrong_role"
    )
    ann = await api.student("ann")
    for body, error in (({}, "missing"), ({"code": 5}, "wrong_type"), ({"code": ""}, "too_short")):
        assert field_errors(await ann.post("/v1/me/coupons", json=body)) == [("code", error)]


async def test_a_student_sees_the_qr_code_of_their_own_coupon_alone(api: Api) -> None:
    (code,) = await made_codes(api, await api.made_batch(), 1)
    coupon = await bound(api, "ann", code)
    path = f"/v1/me/coupons/{coupon['id']}/qr.svg"
    ann, bob = await api.student("ann"), await api.student("bob")

    answer = await ann.get(path, params={"size": 300})

    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.content == qr_svg(code, 300)
    assert field_errors(await ann.get(path, params={"size": 5})) == [("size", "too_small")]
    refused(await bob.get(path), 404, "not_found")
    refused(await ann.get("/v1/me/coupons/cpn_none/qr.svg"), 404, "not_found")
    refused(await (await api.operator()).get(path), 403, "wrong_role")
