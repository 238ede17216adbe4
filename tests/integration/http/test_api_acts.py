"""The audit log has each act with its actor and subject, for operators and finance."""

import pytest

from server.ledger.engine import Ledger
from tests.support.builders.api import ROOM, a_batch, a_drop, a_template, good, refused, serving
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio


async def test_what_operators_and_teachers_do_is_on_record(ledger: Ledger, desk: Desk) -> None:
    async with serving(ledger, desk) as api:
        operator, teacher = await api.operator(), await api.teacher()
        body = a_template(validity={"kind": "fixed", "from": "2026-03-01", "until": "2999-01-01"})
        template = good(await operator.post("/v1/templates", json=body), 201)
        again = {"If-Match": "1"}
        good(await operator.put(f"/v1/templates/{template['id']}", json=body, headers=again))
        batch_body = a_batch(template_id=template["id"])
        batch = good(await operator.post("/v1/batches", json=batch_body), 201)
        drops = f"/v1/rooms/{ROOM}/drops"
        form = a_drop(batch_id=batch["id"], start="prepared")
        drop = good(await teacher.post(drops, json=form), 201)
        one = f"{drops}/{drop['id']}"
        opened = good(await teacher.post(f"{one}/open"))
        top_up = {"add": 1, "expected_quantity": opened["quantity"]}
        good(await teacher.post(f"{one}/top-up", json=top_up))
        longer = {"seconds": 30, "expected_closes_at": opened["closes_at"]}
        good(await teacher.post(f"{one}/extend", json=longer))
        good(await teacher.post(f"{one}/close"))

        acts = good(await operator.get("/v1/acts"))["acts"]
        of_drop = good(await operator.get(f"/v1/acts?subject={drop['id']}"))["acts"]
        of_operator = good(await operator.get(f"/v1/acts?actor={acts[-1]['actor']}&limit=2"))
        rest = good(
            await operator.get(f"/v1/acts?actor={acts[-1]['actor']}&after={of_operator['next']}")
        )

    assert {act["action"] for act in of_drop} == {
        *("drop.made", "drop.opened", "drop.topped_up", "drop.extended", "drop.closed"),
    }
    assert next(act for act in of_drop if act["action"] == "drop.topped_up")["detail"] == {"add": 1}
    assert {act["actor"] for act in of_drop} != {acts[-1]["actor"]}
    assert [act["action"] for act in [*of_operator["acts"], *rest["acts"]]] == [
        *("batch.made", "template.replaced", "template.made"),
    ]
    assert len(acts) == 8


async def test_what_was_refused_is_no_act(ledger: Ledger, desk: Desk) -> None:
    async with serving(ledger, desk) as api:
        operator, teacher = await api.operator(), await api.teacher()
        refused(
            await operator.post("/v1/templates", json=a_template(name="")), 422, "invalid_field"
        )
        drops = f"/v1/rooms/{ROOM}/drops"
        refused(await teacher.post(drops, json=a_drop(batch_id="bat_none")), 422, "invalid_field")

        assert good(await operator.get("/v1/acts"))["acts"] == []


async def test_students_and_teachers_do_not_read_them(ledger: Ledger, desk: Desk) -> None:
    async with serving(ledger, desk) as api:
        for client in (await api.student(), await api.teacher()):
            refused(await client.get("/v1/acts"), 403, "wrong_role")
