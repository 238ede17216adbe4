"""A student over HTTP: the whole record, its export and erasure as jobs; messages to students."""

import io
import zipfile

import orjson
import pytest

from server.core.jobs import JobKind
from server.core.messages import Channel, MessageKind, NewMessage
from server.core.students.erasure import key_of
from server.desk.student_eraser import StudentEraser
from server.flows.events.send_messages import USUAL_POLICY, send_due
from server.flows.jobs import drive_jobs
from server.flows.stores import Stores
from server.flows.students.erase import Erasing
from server.flows.students.export import export_student
from server.ledger.message_queue import request
from tests.support.builders.api import Api, Json, field_errors, good, refused
from tests.support.builders.classroom import now_ms
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio


def stores(api: Api) -> Stores:
    return Stores(api.parts.ledger, api.parts.drop_desk, api.parts.feed)


async def drive(api: Api, desk: Desk) -> None:
    erasing = Erasing(StudentEraser(desk.redis, desk.prefix), [key_of("a secret")])
    handlers = {JobKind.EXPORT: export_student, JobKind.ERASE: erasing.__call__}
    await drive_jobs(stores(api), handlers, now_ms())


async def coupon_of(api: Api, student: str = "ann") -> Json:
    batch, operator = await api.made_batch(), await api.operator()
    path = f"/v1/batches/{batch['id']}/codes"
    good(await operator.post(path, json={"quantity": 1}), 201)
    (code,) = good(await operator.get(path))["codes"]
    client = await api.student(student)
    return good(await client.post("/v1/me/coupons", json={"code": code["code"]}))


async def messaged(api: Api, count: int = 1, cause: str = "iss_1") -> None:
    now = api.clock.now
    wanted = [
        NewMessage(
            student="ann",
            kind=MessageKind.NOTICE,
            text=f"Hello {number}",
            created_at=now,
            not_before=now,
            expires_at=now + 86_400_000,
            channels=(Channel.IN_APP,),
            cause=cause,
        )
        for number in range(count)
    ]
    async with api.parts.ledger.begin() as conn:
        await request(conn, wanted)
    await send_due(stores(api), USUAL_POLICY, now)


async def test_the_record_has_what_is_kept_of_a_student(api: Api) -> None:
    coupon, operator = await coupon_of(api), await api.operator()
    told = {"students": [{"id": "ann", "name": "Ann", "tags": ["vip"], "facts": {"level": 3}}]}
    good(await operator.post("/v1/students", json=told))
    await messaged(api)

    record = good(await operator.get("/v1/students/ann"))

    assert record["profile"]["name"] == "Ann"
    assert [one["code"] for one in record["coupons"]] == [coupon["code"]]
    assert [one["text"] for one in record["messages"]] == ["Hello 0"]
    assert (record["orders"], record["claims"], record["balance"], record["more"]) == (
        [],
        [],
        [],
        {},
    )


async def test_an_id_may_have_all_characters_of_a_students(api: Api) -> None:
    await coupon_of(api, "ann.b:1-2_3")

    record = good(await (await api.operator()).get("/v1/students/ann.b:1-2_3"))

    assert len(record["coupons"]) == 1


async def test_a_section_is_read_page_by_page(api: Api) -> None:
    for _ in range(3):
        await coupon_of(api)
    operator = await api.operator()

    first = good(await operator.get("/v1/students/ann", params={"limit": 2}))
    query = {"section": "coupons", "after": first["more"]["coupons"], "limit": 2}
    rest = good(await operator.get("/v1/students/ann", params=query))

    assert [len(first["coupons"]), len(rest["coupons"]), rest["more"]] == [2, 1, {}]
    assert "orders" not in rest


async def test_a_student_nobody_knows_is_not_found(api: Api) -> None:
    refused(await (await api.operator()).get("/v1/students/nobody"), 404, "not_found")


async def test_an_export_is_a_job_with_a_file(api: Api, desk: Desk) -> None:
    coupon, operator = await coupon_of(api), await api.operator()

    asked = await operator.post("/v1/students/ann/export")
    job = good(asked, 202)
    refused(await operator.get(f"/v1/jobs/{job['id']}/result"), 404, "not_found")
    await drive(api, desk)
    done = good(await operator.get(asked.headers["Location"]))
    file = await operator.get(done["result_url"])

    assert (job["state"], done["state"], done["kind"]) == ("queued", "done", "export")
    assert file.headers["Content-Type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(file.content))
    told = orjson.loads(archive.read("student.json"))
    assert [one["code"] for one in told["tables"]["coupons"]] == [coupon["code"]]
    assert coupon["code"] in archive.read("student.html").decode()


async def test_an_erased_student_is_not_found_and_their_pseudonym_is(api: Api, desk: Desk) -> None:
    await coupon_of(api)
    operator = await api.operator()

    job = good(await operator.post("/v1/students/ann/erase", json={"reason": "asked"}), 202)
    again = good(await operator.post("/v1/students/ann/erase", json={"reason": "asked"}), 202)
    await drive(api, desk)
    done = good(await operator.get(f"/v1/jobs/{job['id']}"))

    assert again["id"] == job["id"]
    assert (done["state"], done["report"]["changed"]["coupons"]) == ("done", 1)
    refused(await operator.get("/v1/students/ann"), 404, "not_found")
    found = good(await operator.get(f"/v1/students/{done['subject']}"))
    assert len(found["coupons"]) == 1
    assert found["acts"][0]["detail"] == {"reason": "asked"}


async def test_two_accounts_become_one(api: Api) -> None:
    operator = await api.operator()
    accounts = {"students": [{"id": name} for name in ("ann", "bob", "cyd")]}
    good(await operator.post("/v1/students", json=accounts))
    answer = await operator.post("/v1/students/ann/merge-into/bob")
    job = good(answer, 202)
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert (job["kind"], job["state"], job["subject"]) == ("merge", "queued", "ann")
    refused(await operator.post("/v1/students/ann/merge-into/cyd"), 409, "wrong_state")
    itself = await operator.post("/v1/students/bob/merge-into/bob")
    assert field_errors(itself) == [("other", "same")]
    mistyped = await operator.post("/v1/students/bob/merge-into/cydd")
    assert refused(mistyped, 404, "not_found")["unknown"] == ["cydd"]
    refused(await (await api.teacher()).post("/v1/students/a/merge-into/b"), 403, "wrong_role")


async def test_a_request_repeated_with_its_key_is_the_same_job(api: Api, desk: Desk) -> None:
    await coupon_of(api)
    operator, key = await api.operator(), {"Idempotency-Key": "once"}

    first = good(await operator.post("/v1/students/ann/export", headers=key), 202)
    await drive(api, desk)
    again = good(await operator.post("/v1/students/ann/export", headers=key), 202)
    other = good(await operator.post("/v1/students/ann/export"), 202)

    assert (again["id"], again["state"]) == (first["id"], "done")
    assert other["id"] != first["id"]


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "x" * 201}, {"reason": 7}])
async def test_an_erasure_needs_a_reason(api: Api, body: Json) -> None:
    before = await api.row_counts()
    answer = await (await api.operator()).post("/v1/students/ann/erase", json=body)

    assert [field for field, _ in field_errors(answer)] == ["reason"]
    assert await api.row_counts() == before


async def test_jobs_and_records_are_for_operators(api: Api) -> None:
    for client in (await api.student(), await api.teacher(), await api.service()):
        for path in ("/v1/students/ann", "/v1/jobs/job_1", "/v1/jobs/job_1/result", "/v1/messages"):
            refused(await client.get(path), 403, "wrong_role")
        for path in ("/v1/students/ann/export", "/v1/students/ann/erase"):
            refused(await client.post(path, json={}), 403, "wrong_role")
    refused(await (await api.operator()).get("/v1/jobs/job_1"), 404, "not_found")


async def test_a_student_reads_what_the_app_has_shown(api: Api) -> None:
    await messaged(api, 2)
    mine = await api.student("ann")

    first = good(await mine.get("/v1/me/messages", params={"limit": 1}))
    rest = good(await mine.get("/v1/me/messages", params={"after": first["next"]}))

    texts = [one["text"] for one in (*first["messages"], *rest["messages"])]
    assert sorted(texts) == ["Hello 0", "Hello 1"]
    assert good(await (await api.student("bob")).get("/v1/me/messages"))["messages"] == []


async def test_operators_see_what_is_held_and_how_much(api: Api) -> None:
    await messaged(api, 3)
    operator = await api.operator()

    listed = good(await operator.get("/v1/messages", params={"cause": "iss_1"}))
    held = good(await operator.get("/v1/messages", params={"student": "ann", "state": "held"}))

    assert listed["counts"] == {"sent": 2, "held": 1}
    (one,) = held["messages"]
    assert (one["reason"], one["channel"], one["kind"]) == ("cap", "in_app", "notice")
    refused(await operator.get("/v1/messages", params={"state": "lost"}), 422, "invalid_field")
