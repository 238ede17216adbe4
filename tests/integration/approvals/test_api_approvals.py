"""Approvals: a send over a limit waits for another operator, on both databases."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from server.core.approvals.approvals import SendLimits
from server.core.identity import Role
from server.flows.approvals import approvals
from server.flows.coupons.issuing.approve_issuances import APPLIERS
from server.flows.coupons.issuing.drive_issuances import IssueParts, drive_due
from server.flows.events.number_events import number_events
from server.ledger.consistency.issuance_audit import page_of_issuances
from server.ledger.engine import Ledger
from tests.support.builders.api import Api, Json, good, refused, serving, with_parts
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def school(ledger: Ledger, desk: Desk) -> AsyncIterator[Api]:
    """Yield an application in which one operator may send to 2 students alone."""
    async with serving(ledger, desk) as made:
        yield with_parts(made, send_limits=SendLimits(students=2))


async def second(school: Api) -> httpx.AsyncClient:
    return await school.as_(Role.OPERATOR, "otto", may=["approve"])


async def asked(school: Api, **change: object) -> Json:
    """Return the answer to a send of one coupon to each of three students."""
    batch = await school.made_batch()
    body = {"batch_id": batch["id"], "students": ["a", "b", "c"], "reason": "thanks", **change}
    return good(await (await school.operator()).post("/v1/issuances", json=body), 202)


async def driven(school: Api, issuance_id: str) -> Json:
    """Let a worker do what is due; return the issuance."""
    parts = school.parts
    await drive_due(IssueParts(parts.ledger, parts.drop_desk, school.clock, parts.time_zone))
    return good(await (await school.operator()).get(f"/v1/issuances/{issuance_id}"))


async def test_a_send_over_the_limit_goes_out_when_another_operator_agrees(school: Api) -> None:
    made = await asked(school)
    assert made["state"] == "waiting"
    draft = await driven(school, made["id"])
    assert (draft["state"], draft["approval_id"]) == ("draft", made["approval_id"])
    other = await second(school)
    page = good(await other.get("/v1/approvals", params={"state": "waiting"}))
    assert page["limits"] == {"students": 2, "amount": None}
    (waiting,) = page["approvals"]
    assert (waiting["id"], waiting["about"]) == (made["approval_id"], made["id"])
    assert (waiting["over"], waiting["students"], waiting["amount"]) == (["students"], 3, 3_000)
    path = f"/v1/approvals/{waiting['id']}"
    given = good(await other.post(f"{path}/approve", json={"note": "fine"}))
    assert (given["state"], given["decided_by"], given["note"]) == ("approved", "otto", "fine")
    assert good(await other.post(f"{path}/approve", json={})) == given
    refused(await other.post(f"{path}/reject", json={}), 409, "wrong_state")
    done = await driven(school, made["id"])
    assert (done["state"], done["issued"]) == ("done", 3)
    assert done["approval_id"] == made["approval_id"]
    assert good(await other.get(path)) == given
    acts = good(await other.get("/v1/acts", params={"subject": waiting["id"]}))["acts"]
    assert [act["action"] for act in acts] == ["approval.given", "approval.asked"]


async def test_nobody_approves_what_they_asked_for_or_without_the_right(school: Api) -> None:
    made = await asked(school)
    path = f"/v1/approvals/{made['approval_id']}/approve"
    olga = await school.as_(Role.OPERATOR, "olga", may=["approve"])
    refused(await olga.post(path, json={}), 403, "wrong_role")
    plain = await school.as_(Role.OPERATOR, "otto")
    refused(await plain.post(path, json={}), 403, "wrong_role")
    refused(await (await school.finance()).post(path, json={}), 403, "wrong_role")
    unknown = "/v1/approvals/apv_none/approve"
    refused(await (await second(school)).post(unknown, json={}), 404, "not_found")
    assert (await driven(school, made["id"]))["state"] == "draft"


async def test_what_is_refused_is_never_sent(school: Api) -> None:
    made = await asked(school)
    other = await second(school)
    refusal = good(await other.post(f"/v1/approvals/{made['approval_id']}/reject", json={}))
    assert refusal["state"] == "rejected"
    ended = await driven(school, made["id"])
    assert (ended["state"], ended["issued"], ended["refused"]) == ("stopped", 0, 3)


async def test_who_asked_may_take_it_back(school: Api) -> None:
    made = await asked(school)
    operator, other = await school.operator(), await second(school)
    good(await operator.post(f"/v1/issuances/{made['id']}/stop"))
    path = f"/v1/approvals/{made['approval_id']}"
    assert good(await operator.get(path))["state"] == "withdrawn"
    refused(await other.post(f"{path}/approve", json={}), 409, "wrong_state")
    assert (await driven(school, made["id"]))["issued"] == 0


async def test_what_is_approved_still_counts_down(school: Api) -> None:
    students = [f"s{n}" for n in range(21)]
    made = await asked(school, students=students)
    good(await (await second(school)).post(f"/v1/approvals/{made['approval_id']}/approve", json={}))
    shown = await driven(school, made["id"])
    assert (shown["state"], shown["issued"]) == ("counting_down", 0)


async def test_two_who_approve_at_once_send_it_once(school: Api) -> None:
    made = await asked(school)
    path = f"/v1/approvals/{made['approval_id']}/approve"
    others = [await school.as_(Role.OPERATOR, name, may=["approve"]) for name in ("otto", "oskar")]
    given = [good(one) for one in await asyncio.gather(*(o.post(path, json={}) for o in others))]
    assert given[0] == given[1]
    assert (await driven(school, made["id"]))["issued"] == 3


async def test_small_sends_and_those_of_the_school_itself_need_nobody(school: Api) -> None:
    batch = await school.made_batch()
    few = {"batch_id": batch["id"], "students": ["a", "b"], "reason": "thanks"}
    assert good(await (await school.operator()).post("/v1/issuances", json=few))["state"] == "done"
    many = few | {"students": ["d", "e", "f"]}
    assert good(await (await school.service()).post("/v1/issuances", json=many))["issued"] == 3


async def test_a_send_that_costs_too_much_waits(school: Api) -> None:
    dear = with_parts(school, send_limits=SendLimits(amount=2_999))
    made = await asked(dear)
    assert made["state"] == "waiting"
    cheap = with_parts(school, send_limits=SendLimits(amount=3_000))
    batch = await cheap.made_batch()
    body = {"batch_id": batch["id"], "students": ["a", "b", "c"], "reason": "thanks"}
    good(await (await cheap.operator()).post("/v1/issuances", json=body))


async def test_a_draft_is_no_fault_of_the_books(school: Api) -> None:
    await asked(school)
    async with school.parts.ledger.read() as conn:
        found = await page_of_issuances(conn, "", 10)
    assert [one.adds_up for one in found] == [True]


WAITS_MS = 7 * 86_400_000


async def _nobody(_last: int, _types: object) -> None:
    """Announce to nobody."""


async def expire(school: Api, now: int) -> int:
    return await approvals.expire(school.parts.ledger, APPLIERS, "classdrop", WAITS_MS, now)


async def test_what_nobody_answers_expires_and_is_never_sent(school: Api) -> None:
    school = with_parts(school, approval_ms=WAITS_MS)
    made = await asked(school)
    other, path = await second(school), f"/v1/approvals/{made['approval_id']}"
    waiting = good(await other.get(path))
    assert waiting["expires_at"] > waiting["asked_at"]
    begins = school.clock.now
    assert await expire(school, begins + WAITS_MS - 60_000) == 0

    assert [await expire(school, begins + WAITS_MS + 1) for _ in range(2)] == [1, 0]

    expired = good(await other.get(path))
    assert (expired["state"], expired["decided_by"], expired["expires_at"]) == (
        *("expired", "classdrop", None),
    )
    for call in ("approve", "reject"):
        answer = refused(await other.post(f"{path}/{call}", json={}), 409, "wrong_state")
        assert answer["state"] == "expired"
    ended = await driven(school, made["id"])
    assert (ended["state"], ended["issued"]) == ("stopped", 0)
    assert len(good(await other.get("/v1/approvals?state=expired"))["approvals"]) == 1
    acts = good(await other.get("/v1/acts?action=approval.expired"))["acts"]
    assert [(act["actor"], act["subject"]) for act in acts] == [("classdrop", expired["id"])]
    await number_events(school.parts.ledger, _nobody)
    (event,) = good(await other.get("/v1/events?types=approval.expired"))["events"]
    assert (event["subject"], event["data"]["about"]) == (expired["id"], made["id"])


async def test_a_yes_after_its_time_is_refused_before_a_worker_comes(school: Api) -> None:
    made = await asked(school)
    late = with_parts(school, approval_ms=1)
    late.clock.now += 10
    answer = await (await second(late)).post(
        f"/v1/approvals/{made['approval_id']}/approve", json={}
    )
    assert refused(answer, 409, "wrong_state")["state"] == "expired"


async def test_an_expiry_and_a_yes_at_once_do_one_of_them(school: Api) -> None:
    made = await asked(school)
    path = f"/v1/approvals/{made['approval_id']}"
    other = await second(school)

    answer, expired = await asyncio.gather(
        other.post(f"{path}/approve", json={}), expire(school, school.clock.now + WAITS_MS + 1)
    )

    state = good(await other.get(path))["state"]
    assert (answer.status_code, expired, state) in (*((200, 0, "approved"), (409, 1, "expired")),)


async def test_without_a_limit_of_time_nothing_expires(school: Api) -> None:
    made = await asked(school)
    ledger, long_after = school.parts.ledger, school.clock.now + 10 * WAITS_MS
    assert await approvals.expire(ledger, APPLIERS, "classdrop", 0, long_after) == 0
    shown = good(await (await second(school)).get(f"/v1/approvals/{made['approval_id']}"))
    assert (shown["state"], shown["expires_at"]) == ("waiting", None)
