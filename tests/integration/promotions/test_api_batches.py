import pytest

from tests.support.builders.api import ROOM, Api, a_batch, a_drop, field_errors, good, refused

pytestmark = pytest.mark.asyncio


async def test_a_batch_is_made_and_found_again(api: Api) -> None:
    made = await api.made_batch(hold_seconds=60, code_prefix="LIVE", metadata={"why": "test"})
    assert {**made, **a_batch()} == made
    assert (made["remaining"], made["droppable"]) == (100, 100)
    assert (made["hold_seconds"], made["code_prefix"]) == (60, "LIVE")
    assert made["metadata"] == {"why": "test"}
    assert good(await (await api.operator()).get(f"/v1/batches/{made['id']}")) == made


async def test_a_person_has_as_many_as_a_student_where_nothing_else_is_said(api: Api) -> None:
    made = await api.made_batch(per_student=2)
    assert (made["per_person"], made.get("per_device")) == (2, None)
    made = await api.made_batch(per_student=2, per_person=3, per_device=1)
    assert (made["per_person"], made["per_device"]) == (3, 1)


@pytest.mark.parametrize("field", ["per_person", "per_device"])
async def test_a_limit_of_nothing_is_refused(api: Api, field: str) -> None:
    operator, template = await api.operator(), await api.made_template()
    answer = await operator.post(
        "/v1/batches", json=a_batch(template_id=template["id"]) | {field: 0}
    )
    assert field_errors(answer) == [(field, "too_small")]


async def test_a_batch_says_what_it_gives(api: Api) -> None:
    template = (await api.made_batch())["template"]
    assert (template["name"], template["currency"]) == ("Ten off", "CNY")
    assert template["discount"] == {"kind": "amount_off", "amount": 1_000}


async def test_a_batch_without_a_quantity_is_unlimited_and_cannot_be_dropped(api: Api) -> None:
    made = await api.made_batch(quantity=None)
    assert (made["quantity"], made["remaining"], made["droppable"]) == (None, None, 0)


async def test_claim_windows_are_told_as_instants(api: Api) -> None:
    made = await api.made_batch(claim_window={"from": "2026-03-01", "until": "2026-03-01"})
    assert made["claim_window"] == {
        "from": "2026-02-28T16:00:00.000Z",
        "until": "2026-03-01T16:00:00.000Z",
    }


async def test_remaining_falls_when_a_drop_is_allotted(api: Api) -> None:
    batch = await api.made_batch()
    body = a_drop(batch_id=batch["id"], quantity=30)
    good(await (await api.teacher()).post(f"/v1/rooms/{ROOM}/drops", json=body), 201)
    shown = good(await (await api.operator()).get(f"/v1/batches/{batch['id']}"))
    assert (shown["quantity"], shown["remaining"]) == (100, 70)


async def test_an_instructor_sees_what_their_rooms_may_drop(api: Api) -> None:
    theirs = await api.made_batch(
        rooms=[{"room": ROOM, "quantity": 5}, {"room": "other", "quantity": 50}]
    )
    others = await api.made_batch(rooms=[{"room": "other"}])
    unlimited = await api.made_batch(quantity=None)
    teacher = await api.teacher()
    listed = good(await teacher.get("/v1/batches"))["batches"]
    assert [batch["id"] for batch in listed] == [theirs["id"]]
    assert listed[0]["droppable"] == 5
    assert listed[0]["rooms"] == [{"room": ROOM, "quantity": 5, "remaining": 5}]
    for unseen in (others, unlimited):
        refused(await teacher.get(f"/v1/batches/{unseen['id']}"), 404, "not_found")


async def test_a_batch_of_no_template_is_refused(api: Api) -> None:
    body = a_batch(template_id="tpl_nowhere")
    answer = await (await api.operator()).post("/v1/batches", json=body)
    assert field_errors(answer)[0][0] == "template_id"


async def test_the_same_key_makes_one_batch(api: Api) -> None:
    template, operator = await api.made_template(), await api.operator()
    body, headers = a_batch(template_id=template["id"]), {"Idempotency-Key": "k"}
    first = good(await operator.post("/v1/batches", json=body, headers=headers), 201)
    assert good(await operator.post("/v1/batches", json=body, headers=headers), 201) == first
    assert (await api.row_counts())["batches"] == 1


async def test_students_and_shops_have_no_business_here(api: Api) -> None:
    for client in (await api.student(), await api.service()):
        refused(await client.get("/v1/batches"), 403, "wrong_role")
