"""Packs: all coupons of it or none, for each student, on both databases."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from server.ledger.engine import Ledger
from tests.support.builders.api import Api, Json, field_errors, good, refused, serving
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def school(ledger: Ledger, desk: Desk) -> AsyncIterator[Api]:
    """Yield the application on each database."""
    async with serving(ledger, desk) as made:
        yield made


async def made_pack(api: Api, *items: tuple[Json, int]) -> Json:
    listed = [{"batch_id": batch["id"], "count": count} for batch, count in items]
    body = {"name": "Welcome", "items": listed}
    return good(await (await api.operator()).post("/v1/packs", json=body), 201)


async def issued(api: Api, pack: Json, *students: str) -> dict[str, Json]:
    body = {"pack_id": pack["id"], "students": students, "reason": "welcome"}
    made = good(await (await api.service()).post("/v1/issuances", json=body))
    assert made["state"] == "done"
    return {item["student"]: item for item in made["items"]}


async def wallet(api: Api, student: str) -> list[str]:
    coupons = good(await (await api.student(student)).get("/v1/me/coupons"))["coupons"]
    return sorted(coupon["batch_id"] for coupon in coupons)


async def remaining(api: Api, batch: Json) -> int:
    found = good(await (await api.operator()).get(f"/v1/batches/{batch['id']}"))["remaining"]
    assert isinstance(found, int)
    return found


async def test_a_student_gets_every_coupon_of_a_pack(school: Api) -> None:
    first, second = await school.made_batch(per_student=2), await school.made_batch()
    pack = await made_pack(school, (first, 2), (second, 1))

    items = await issued(school, pack, "ann", "bob")

    for student in ("ann", "bob"):
        assert items[student]["outcome"] == "issued"
        assert len(items[student]["coupon_ids"]) == 3
        assert await wallet(school, student) == sorted([first["id"], first["id"], second["id"]])
    assert (await remaining(school, first), await remaining(school, second)) == (96, 98)


async def test_who_cannot_have_all_of_it_gets_nothing_of_it(school: Api) -> None:
    many, few = await school.made_batch(), await school.made_batch(quantity=1)
    pack = await made_pack(school, (many, 1), (few, 1))

    items = await issued(school, pack, "ann", "bob")
    again = await issued(school, pack, "ann")

    outcomes = sorted(item["outcome"] for item in items.values())
    assert outcomes == ["issued", "stock_short"]
    (winner,) = [one for one, item in items.items() if item["outcome"] == "issued"]
    (loser,) = {"ann", "bob"} - {winner}
    assert len(await wallet(school, winner)) == 2
    assert await wallet(school, loser) == []
    assert (await remaining(school, many), await remaining(school, few)) == (99, 0)
    assert again["ann"]["outcome"] == ("limit_reached" if winner == "ann" else "stock_short")


async def test_an_undone_pack_gives_all_its_units_back(school: Api) -> None:
    first, second = await school.made_batch(per_student=2), await school.made_batch()
    pack = await made_pack(school, (first, 2), (second, 1))
    await issued(school, pack, "ann")
    service = await school.service()
    (made,) = good(await service.get("/v1/issuances"))["issuances"]

    undone = good(await service.post(f"/v1/issuances/{made['id']}/undo"))

    assert (undone["state"], undone["pack_id"]) == ("undone", pack["id"])
    assert (await remaining(school, first), await remaining(school, second)) == (100, 100)
    assert (await issued(school, pack, "ann"))["ann"]["outcome"] == "issued"


async def test_a_pack_is_shown_listed_and_made_once(api: Api) -> None:
    batch, operator = await api.made_batch(), await api.operator()
    body = {"name": "Welcome", "items": [{"batch_id": batch["id"]}], "metadata": {"for": "new"}}
    key = {"Idempotency-Key": "once"}

    pack = good(await operator.post("/v1/packs", json=body, headers=key), 201)

    assert pack["items"] == [{"batch_id": batch["id"], "count": 1}]
    assert pack["variants"] == []
    assert pack["metadata"] == {"for": "new"}
    assert good(await operator.post("/v1/packs", json=body, headers=key), 201) == pack
    assert good(await operator.get(f"/v1/packs/{pack['id']}")) == pack
    assert good(await operator.get("/v1/packs")) == {"packs": [pack], "next": None}
    refused(await operator.get("/v1/packs/pck_no"), 404, "not_found")
    (act,) = good(await operator.get(f"/v1/acts?subject={pack['id']}"))["acts"]
    assert (act["action"], act["detail"]) == ("pack.made", {"batches": [batch["id"]]})


async def test_a_pack_that_nobody_could_get_is_refused(api: Api) -> None:
    batch, operator = await api.made_batch(), await api.operator()
    before = await api.row_counts()
    for items, error in (
        ([{"batch_id": "bat_none"}], ("items.0.batch_id", "unknown")),
        ([{"batch_id": batch["id"], "count": 2}], ("items.0.count", "above_per_student")),
        ([{"batch_id": batch["id"]}] * 2, ("items.1.batch_id", "duplicate")),
        ([], ("items", "empty")),
    ):
        answer = await operator.post("/v1/packs", json={"name": "x", "items": items})
        assert field_errors(answer) == [error]
    assert await api.row_counts() == before
    body = {"pack_id": "pck_none", "students": ["ann"], "reason": "x"}
    assert field_errors(await operator.post("/v1/issuances", json=body)) == [("pack_id", "unknown")]


async def test_a_student_gets_the_first_variant_that_they_fulfil(school: Api) -> None:
    api, operator = school, await school.operator()
    gold, listed, rest = [await api.made_batch() for _ in range(3)]
    people: Json = {"students": [{"id": "ann", "tags": ["vip"]}, {"id": "bob"}, {"id": "cem"}]}
    good(await operator.post("/v1/students", json=people))
    named = {"name": "Some", "kind": "list", "students": ["ann", "bob"]}
    audience = good(await operator.post("/v1/audiences", json=named), 201)
    vip = {"all": [{"fact": "tag", "op": "=", "value": "vip"}]}
    variants = [
        {"if": vip, "batch_id": gold["id"]},
        {"audience_id": audience["id"], "batch_id": listed["id"]},
    ]
    body: Json = {"name": "By audience", "variants": variants}

    some = good(await operator.post("/v1/packs", json=body), 201)
    everybody = {**body, "variants": [*variants, {"batch_id": rest["id"]}]}
    every = good(await operator.post("/v1/packs", json=everybody), 201)
    preview = good(await operator.post(f"/v1/packs/{some['id']}/preview"))
    first = await issued(api, some, "ann", "bob", "cem")
    second = await issued(api, every, "cem")

    assert some["items"] == []
    assert [each["batch_id"] for each in some["variants"]] == [gold["id"], listed["id"]]
    assert some["variants"][0]["if"] == vip
    assert [(each["matching"], each["chosen"]) for each in preview["variants"]] == [(1, 1), (2, 1)]
    assert (preview["overlapping"], preview["without"]) == (1, 1)
    outcomes = {student: item["outcome"] for student, item in first.items()}
    assert outcomes == {"ann": "issued", "bob": "issued", "cem": "not_eligible"}
    assert second["cem"]["outcome"] == "issued"
    wallets = [await wallet(api, student) for student in ("ann", "bob", "cem")]
    assert wallets == [[gold["id"]], [listed["id"]], [rest["id"]]]


async def test_a_pack_has_items_or_variants(api: Api) -> None:
    batch, operator = await api.made_batch(), await api.operator()
    one = [{"batch_id": batch["id"]}]
    for more, error in (
        ({}, ("items", "missing")),
        ({"items": one, "variants": one}, ("variants", "conflict")),
        ({"variants": one * 2}, ("variants.1", "unreachable")),
        (
            {"variants": [{"audience_id": "aud_no", **one[0]}]},
            ("variants.0.audience_id", "unknown"),
        ),
        ({"items": one, "progressive": True}, ("progressive", "unsupported")),
    ):
        answer = await operator.post("/v1/packs", json={"name": "x", **more})
        assert field_errors(answer) == [error]
    pack = await made_pack(api, (batch, 1))
    refused(await operator.post(f"/v1/packs/{pack['id']}/preview"), 409, "wrong_state")
