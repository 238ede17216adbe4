import asyncio

import pytest

from tests.support.builders.api import ROOM, SCHOOL, Api, Json, a_drop, good, refused

pytestmark = pytest.mark.asyncio
DROPS = f"/v1/rooms/{ROOM}/drops"


def _drop(made: Json, action: str = "") -> str:
    return f"{DROPS}/{made['id']}{action}"


async def test_a_drop_opens_with_its_stock_and_window(api: Api) -> None:
    made = await api.made_drop(message="quick!", metadata={"slide": "7"})
    assert (made["state"], made["quantity"], made["remaining"]) == ("open", 3, 3)
    assert (made["message"], made["metadata"]) == ("quick!", {"slide": "7"})
    assert made["opens_at"] is not None
    assert made["closes_at"] is not None
    assert made["created_by"] == "tina"
    shown = good(await (await api.teacher()).get(_drop(made)))
    assert shown == made


async def test_a_private_drop_says_who_alone_may_claim(api: Api) -> None:
    batch = await api.made_batch(claim_conditions={"tags": ["member"], "new": True})
    audience = {"tags": ["vip"], "students": ["amy", "ben"]}
    made = await api.made_drop(batch_id=batch["id"], audience=audience)
    assert made["audience"] == audience
    assert made["claim_conditions"] == {"tags": ["member"], "new": True}
    teacher = await api.teacher()
    assert good(await teacher.get(DROPS))["drops"][0]["claim_conditions"]["new"] is True
    assert "claim_conditions" not in await api.made_drop()


async def test_a_countdown_makes_a_scheduled_drop(api: Api) -> None:
    assert (await api.made_drop(opens_in_seconds=30))["state"] == "scheduled"


async def test_a_prepared_drop_takes_stock_when_it_is_opened(api: Api) -> None:
    made = await api.made_drop(start="prepared")
    assert (made["state"], made["opens_at"]) == ("prepared", None)
    teacher = await api.teacher()
    batch = f"/v1/batches/{made['batch_id']}"
    assert good(await teacher.get(batch))["remaining"] == 100
    opened = good(await teacher.post(_drop(made, "/open")))
    assert opened["state"] == "open"
    assert good(await teacher.get(batch))["remaining"] == 97
    assert good(await teacher.post(_drop(made, "/open")))["state"] == "open"


async def test_a_closed_drop_gives_back_what_nobody_claimed(api: Api) -> None:
    made, teacher = await api.made_drop(), await api.teacher()
    closed = good(await teacher.post(_drop(made, "/close")))
    assert (closed["state"], closed["close_reason"], closed["returned"]) == ("closed", "stopped", 3)
    assert good(await teacher.get(f"/v1/batches/{made['batch_id']}"))["remaining"] == 100
    assert good(await teacher.post(_drop(made, "/close"))) == closed
    refused(await teacher.post(_drop(made, "/open")), 409, "wrong_state")


async def test_a_top_up_pressed_twice_counts_once(api: Api) -> None:
    made, teacher = await api.made_drop(), await api.teacher()
    body = {"add": 2, "expected_quantity": 3}
    assert good(await teacher.post(_drop(made, "/top-up"), json=body))["remaining"] == 5
    again = await teacher.post(_drop(made, "/top-up"), json=body)
    assert refused(again, 409, "wrong_state")["quantity"] == 5


async def test_an_extension_pressed_twice_counts_once(api: Api) -> None:
    made, teacher = await api.made_drop(), await api.teacher()
    body = {"seconds": 30, "expected_closes_at": made["closes_at"]}
    extended = good(await teacher.post(_drop(made, "/extend"), json=body))
    assert str(extended["closes_at"]) > str(made["closes_at"])
    again = await teacher.post(_drop(made, "/extend"), json=body)
    assert refused(again, 409, "wrong_state")["closes_at"] == extended["closes_at"]


async def test_more_than_the_batch_has_is_refused_with_what_is_there(api: Api) -> None:
    batch = await api.made_batch(quantity=10)
    before = await api.row_counts()
    body = a_drop(batch_id=batch["id"], quantity=11)
    answer = await (await api.teacher()).post(DROPS, json=body)
    assert refused(answer, 409, "stock_short")["available"] == 10
    assert await api.row_counts() == before


async def test_of_two_drops_that_want_the_last_units_one_gets_them(api: Api) -> None:
    batch, teacher = await api.made_batch(quantity=10), await api.teacher()
    body = a_drop(batch_id=batch["id"], quantity=6)
    answers = await asyncio.gather(*(teacher.post(DROPS, json=body) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_the_same_key_drops_once(api: Api) -> None:
    batch, teacher = await api.made_batch(), await api.teacher()
    body, headers = a_drop(batch_id=batch["id"]), {"Idempotency-Key": "tap"}
    answers = await asyncio.gather(
        *(teacher.post(DROPS, json=body, headers=headers) for _ in range(3))
    )
    made = {str(good(answer, 201)["id"]) for answer in answers}
    assert len(made) == 1
    assert (await api.row_counts())["drops"] == 1


async def test_drops_of_a_room_are_listed_newest_first(api: Api) -> None:
    ids = [str((await api.made_drop())["id"]) for _ in range(3)]
    await api.made_drop("elsewhere")
    teacher = await api.teacher()
    page = good(await teacher.get(DROPS, params={"limit": 2}))
    assert [drop["id"] for drop in page["drops"]] == sorted(ids, reverse=True)[:2]
    rest = good(await teacher.get(DROPS, params={"after": str(page["next"])}))
    assert [drop["id"] for drop in rest["drops"]] == [min(ids)]


async def test_another_rooms_drop_is_not_found_here(api: Api) -> None:
    made = await api.made_drop("elsewhere")
    refused(await (await api.teacher()).get(_drop(made)), 404, "not_found")


async def test_an_operator_may_do_what_an_instructor_may(api: Api) -> None:
    made, operator = await api.made_drop(), await api.operator()
    assert good(await operator.post(_drop(made, "/close")))["state"] == "closed"


async def test_finance_looks_and_touches_nothing(api: Api) -> None:
    made, finance = await api.made_drop(), await api.finance()
    assert good(await finance.get(_drop(made)))["state"] == "open"
    refused(await finance.post(_drop(made, "/close")), 403, "wrong_role")


async def test_the_schools_page_reads_errors_of_its_calls(api: Api) -> None:
    teacher = await api.teacher("other")
    answer = await teacher.get(DROPS, headers={"Origin": SCHOOL})
    refused(answer, 403, "wrong_room")
    assert answer.headers["access-control-allow-origin"] == SCHOOL


async def test_drops_that_go_on_are_listed_apart_from_those_that_are_closed(api: Api) -> None:
    teacher, path = await api.teacher(), f"/v1/rooms/{ROOM}/drops"
    waiting = await api.made_drop(start="prepared")
    running = await api.made_drop()
    over = await api.made_drop()
    good(await teacher.post(f"{path}/{over['id']}/close", json={}))

    async def listed(**query: str) -> list[str]:
        return [one["id"] for one in good(await teacher.get(path, params=query))["drops"]]

    assert await listed(ended="false") == [running["id"], waiting["id"]]
    assert await listed(ended="true") == [over["id"]]
    assert await listed() == [over["id"], running["id"], waiting["id"]]
    assert await listed(ended="false", after=running["id"]) == [waiting["id"]]
