"""POST /v1/batches/{id}/end: nothing of the batch goes out any more, and what went out stays valid."""

import asyncio

import pytest

from server.core.drops.drop_rules import DropForm
from server.core.promotions.stops import StopForm, Stoppable
from server.core.refusals import Refused
from server.flows.drops.intents.drive_intents import drive_pending
from server.flows.events.number_events import number_events
from server.flows.promotions.end_batch import end_batch
from server.flows.promotions.stops import change_stop
from tests.support.builders.api import ROOM, Api, a_drop, confirm_all, field_errors, good, refused
from tests.support.builders.classroom import Classroom, granted, now_ms
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio

END = {"reason": "the price was wrong"}


async def _nobody(_last: int, _types: object) -> None:
    """Announce to nobody."""


async def end(classroom: Classroom, batch_id: str) -> None:
    granted(
        await end_batch(
            classroom.ledger,
            classroom.desk.drops,
            batch_id,
            reason="sold",
            stops_use=False,
            actor="op",
            now=now_ms(),
        )
    )


async def _tried(classroom: Classroom, batch_id: str) -> str | None:
    """Open a drop of the batch; None where it was refused."""
    form = DropForm(batch_id, 1, 60)
    made = await classroom.drops.create(ROOM, form, None, now_ms())
    return None if isinstance(made, Refused) else made.id


async def test_no_way_leads_to_a_coupon_of_it_and_given_ones_stay(api: Api, desk: Desk) -> None:
    batch = await api.made_batch()
    operator, teacher = await api.operator(), await api.teacher()
    path, drops = f"/v1/batches/{batch['id']}", f"/v1/rooms/{ROOM}/drops"
    body = {"batch_id": batch["id"], **a_drop()}
    drop = good(await teacher.post(drops, json=body), 201)
    claim = f"/v1/drops/{drop['id']}/claims"
    good(await (await api.student("ann")).post(claim, json={"request_id": "r1"}))
    await confirm_all(api, desk)
    codes = good(await operator.post(f"{path}/codes", json={"quantity": 1}), 201)
    listed = good(await operator.get(f"{path}/codes"))["codes"]

    ended = good(await operator.post(f"{path}/end", json=END))

    assert codes["made"] == 1
    assert (ended["ended"]["reason"], ended["ended"]["by"]) == (END["reason"], "olga")
    assert (ended["droppable"], ended["stopped"]["claims"], ended["stopped"]["use"]) == (
        *(0, True, False),
    )
    bob = await api.student("bob")
    assert good(await bob.post(claim, json={"request_id": "r1"}))["outcome"] == "not_open"
    for answer in (
        await teacher.post(drops, json=body),
        await operator.post(f"{path}/codes", json={"quantity": 1}),
        await bob.post("/v1/me/coupons", json={"code": listed[0]["code"]}),
        await operator.post(f"{path}/resume", json={"claims": True}),
        await operator.patch(path, json={"name": "x"}, headers={"If-Match": "2"}),
    ):
        assert refused(answer, 409, "wrong_state")["state"] == "ended"
    sent = await operator.post(
        "/v1/issuances", json={"batch_id": batch["id"], "students": ["cid"], "reason": "x"}
    )
    assert [one["outcome"] for one in sent.json().get("items", [])] in ([], ["stopped"])
    mine = good(await (await api.student("ann")).get("/v1/me/coupons"))["coupons"]
    assert [one["state"] for one in mine] == ["usable"]


async def test_it_is_told_and_kept_as_an_act_once(api: Api) -> None:
    batch = await api.made_batch()
    operator, path = await api.operator(), f"/v1/batches/{batch['id']}"

    first = good(await operator.post(f"{path}/end", json={**END, "use": True}))
    again = good(await operator.post(f"{path}/end", json={"reason": "another"}))

    assert again == first
    assert first["stopped"]["use"] is True
    assert good(await operator.post(f"{path}/resume", json={"use": True}))["claims"] is True
    acts = good(await operator.get("/v1/acts?action=batch.ended"))["acts"]
    assert [(one["subject"], one["detail"]) for one in acts] == [
        (batch["id"], {**END, "use": True})
    ]
    await number_events(api.parts.ledger, _nobody)
    (event,) = good(await operator.get("/v1/events?types=batch.ended"))["events"]
    assert event["subject"] == batch["id"]
    assert event["data"] == {
        **END,
        **{"name": batch["name"], "by": "olga", "use_stopped": True},
    }


async def test_it_needs_a_reason_a_batch_and_an_operator(api: Api) -> None:
    batch = await api.made_batch()
    operator, path = await api.operator(), f"/v1/batches/{batch['id']}/end"

    assert field_errors(await operator.post(path, json={})) == [("reason", "missing")]
    assert field_errors(await operator.post(path, json={"reason": ""})) == [("reason", "too_short")]
    refused(await operator.post("/v1/batches/bat_none/end", json=END), 404, "not_found")
    refused(await (await api.teacher()).post(path, json=END), 403, "wrong_role")
    assert "ended" not in good(await operator.get(path.removesuffix("/end")))


async def test_its_open_drops_are_closed_and_their_units_go_back(classroom: Classroom) -> None:
    batch = await classroom.made_batch()
    drop = await classroom.opened(batch, quantity=3)
    await classroom.won(drop.id, "ann")

    await end(classroom, batch.id)
    await drive_pending(classroom.stores, 0, now_ms())

    row = await classroom.row(drop.id)
    assert (row.state.value, row.returned) == ("closed", 2)


async def test_a_drop_that_is_opened_at_once_is_closed_or_never_opened(
    classroom: Classroom,
) -> None:
    batch = await classroom.made_batch()

    results = await asyncio.gather(
        *(_tried(classroom, batch.id) for _ in range(4)),
        end(classroom, batch.id),
    )
    await drive_pending(classroom.stores, 0, now_ms())

    for drop_id in (one for one in results if one):
        assert (await classroom.row(drop_id)).state.value == "closed"


async def test_a_draw_of_it_is_ended_first(classroom: Classroom) -> None:
    batch = await classroom.made_batch()
    drop = await classroom.opened(batch, mode="draw")

    answer = await end_batch(
        classroom.ledger,
        classroom.desk.drops,
        batch.id,
        reason="x",
        stops_use=False,
        actor="op",
        now=now_ms(),
    )

    assert isinstance(answer, Refused)
    assert answer.facts == {"draws": [drop.id]}
    assert (await classroom.batch(batch.id)).ended_at is None


async def test_a_resume_at_the_same_moment_does_not_undo_it(classroom: Classroom) -> None:
    batch = await classroom.made_batch()
    resume = StopForm(Stoppable.BATCH, batch.id, claims=True, use=False)

    await asyncio.gather(
        end(classroom, batch.id),
        change_stop(classroom.ledger, classroom.desk.drops, resume, False, "op", now_ms()),
    )

    assert isinstance(
        await change_stop(classroom.ledger, classroom.desk.drops, resume, False, "op", now_ms()),
        Refused,
    )
    drop = await _tried(classroom, batch.id)
    assert drop is None
