"""The audit log has each act with its actor and subject, for operators and finance."""

from datetime import datetime, timedelta

import pytest

from server.core.acts import Action
from server.ledger.acts import write_act
from server.ledger.engine import Ledger
from tests.support.builders.api import ROOM, a_batch, a_drop, a_template, good, refused, serving
from tests.support.builders.classroom import now_ms
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


async def test_acts_are_found_by_kind_and_by_day_and_as_a_file(ledger: Ledger, desk: Desk) -> None:
    now = now_ms()
    async with ledger.begin() as conn:
        for action in (Action.BATCH_MADE, Action.BATCH_STOPPED, Action.ALL_STOPPED):
            await write_act(conn, "=olga", action, "bat_1", now, reason="wrong, price")
    async with serving(ledger, desk) as api:
        operator = await api.operator()

        async def actions(query: str) -> list[str]:
            return [
                each["action"] for each in good(await operator.get(f"/v1/acts?{query}"))["acts"]
            ]

        day = datetime.fromtimestamp(now / 1000, api.parts.time_zone).date()
        before, after = day - timedelta(days=1), day + timedelta(days=1)
        assert await actions("action=batch") == ["batch.stopped", "batch.made"]
        assert await actions("action=batch.stopped") == ["batch.stopped"]
        assert len(await actions(f"from={day}&to={day}")) == 3
        assert await actions(f"to={before}") == await actions(f"from={after}") == []
        refused(await operator.get("/v1/acts?action=nothing"), 422, "invalid_field")
        refused(await operator.get("/v1/acts?to=9999-12-31"), 422, "invalid_field")

        file = await operator.get("/v1/acts?format=csv&action=batch.stopped")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert file.content.startswith(b"\xef\xbb\xbfid,at,actor,action,subject,detail\r\n")
    assert file.text.count("\r\n") == 2
    assert """,'=olga,batch.stopped,bat_1,"{""reason"":""wrong, price""}"\r\n""" in file.text


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
