"""A file becomes coupons: it is read, issued to, and each row says what became of it; on both databases."""

import csv
import io
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from python_calamine import load_workbook

from server.core.audiences.imports import KEPT_MS
from server.flows.audiences import imports as flows
from server.flows.coupons.issuing.drive_issuances import IssueParts, drive_due
from server.ledger.engine import Ledger
from tests.support.builders.api import Api, Json, field_errors, good, refused, serving
from tests.support.builders.desks import Desk

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def school(ledger: Ledger, desk: Desk) -> AsyncIterator[Api]:
    """Yield the application on each database."""
    async with serving(ledger, desk) as made:
        yield made


async def imported(api: Api, text: str) -> Json:
    operator = await api.operator()
    headers = {"Content-Type": "text/csv"}
    return good(await operator.post("/v1/imports", content=text.encode(), headers=headers), 201)


async def issued(api: Api, batch: Json, found: Json, **more: object) -> Json:
    body = {"batch_id": batch["id"], "import_id": found["id"], "reason": "list of May", **more}
    service = await api.service()
    made = good(await service.post("/v1/issuances", json=body), 202)
    await driven(api)
    return good(await service.get(f"/v1/issuances/{made['id']}"))


async def driven(api: Api) -> None:
    deps = api.parts
    await drive_due(IssueParts(deps.ledger, deps.drop_desk, deps.clock, deps.time_zone))


async def result(api: Api, found: Json, **query: str) -> list[list[str]]:
    path = f"/v1/imports/{found['id']}/result"
    answer = await (await api.operator()).get(path, params=query)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


async def test_each_good_row_of_a_file_gets_a_coupon(school: Api) -> None:
    api = school
    batch = await api.made_batch()
    found = await imported(api, "student,note\r\nann,x\r\nbob,\r\nann,\r\na b,\r\n")

    done = await issued(api, batch, found)

    assert (done["state"], done["asked"], done["issued"]) == ("done", 2, 2)
    assert (done["source"], done["source_id"]) == ("import", found["id"])
    listed = await (await api.operator()).get(f"/v1/issuances?source_id={found['id']}")
    assert [each["id"] for each in good(listed)["issuances"]] == [done["id"]]
    nothing = await (await api.operator()).get("/v1/issuances?source_id=imp_none")
    assert good(nothing)["issuances"] == []
    for student in ("ann", "bob"):
        wallet = good(await (await api.student(student)).get("/v1/me/coupons"))
        assert [coupon["batch_id"] for coupon in wallet["coupons"]] == [batch["id"]]


async def test_an_import_that_is_not_there_or_has_no_good_row_is_refused(api: Api) -> None:
    batch = await api.made_batch()
    bad = await imported(api, "student\r\na b\r\n")
    operator = await api.operator()
    for import_id, code in (("imp_none", "unknown"), (bad["id"], "empty")):
        body = {"batch_id": batch["id"], "import_id": import_id, "reason": "x"}
        answer = await operator.post("/v1/issuances", json=body)
        assert field_errors(answer) == [("import_id", code)]


async def test_a_file_is_kept_while_an_issuance_is_still_to_read_it(api: Api) -> None:
    batch, found = await api.made_batch(), await imported(api, "ann\r\n")
    body = {"batch_id": batch["id"], "import_id": found["id"], "reason": "x"}
    later = {**body, "send_at": "2999-01-01T00:00:00Z"}
    operator = await api.operator()
    made = good(await operator.post("/v1/issuances", json=later), 202)
    over = api.clock.now + KEPT_MS

    assert await flows.delete_expired(api.parts.ledger, over) == 0
    good(await operator.post(f"/v1/issuances/{made['id']}/undo"))
    assert await flows.delete_expired(api.parts.ledger, over) == 1


async def test_from_a_file_to_its_result_and_back(school: Api) -> None:
    api, batch = school, await school.made_batch()
    text = "student,note\r\nann,=1+1\r\n,nobody\r\n-bob,\r\nann,again\r\na b,\r\n"
    found = await imported(api, text)
    kept = [["2", "ann", "'=1+1"], ["3", "", "nobody"], ["4", "'-bob", ""], ["5", "ann", "again"]]
    kept.append(["6", "a b", ""])
    why = ["", "student: missing", "", "row 2", "student: bad_format"]

    async def outcomes(**query: str) -> list[str]:
        header, *rows = await result(api, found, **query)
        assert header == ["row", "student", "note", "outcome", "detail"]
        assert [row[:3] for row in rows] == kept
        assert [row[4] for row in rows] == why
        return [row[3] for row in rows]

    before = await outcomes()
    first = await issued(api, batch, found)
    given = await outcomes()
    second = await issued(api, batch, found)
    again = await outcomes()
    service = await api.service()
    good(await service.post(f"/v1/issuances/{first['id']}/undo"))
    await driven(api)

    assert before == ["not_issued_yet", "bad", "not_issued_yet", "duplicate", "bad"]
    assert given == ["issued", "bad", "issued", "duplicate", "bad"]
    assert again == ["limit_reached", "bad", "limit_reached", "duplicate", "bad"]
    assert await outcomes(issuance_id=second["id"]) == again
    taken = await outcomes(issuance_id=first["id"])
    assert taken == ["taken_back", "bad", "taken_back", "duplicate", "bad"]


async def test_a_result_comes_as_a_workbook_without_formulas(api: Api) -> None:
    found = await imported(api, "student,note\r\n00123,=1+1\r\n")
    path = f"/v1/imports/{found['id']}/result?format=xlsx"

    answer = await (await api.operator()).get(path)

    assert answer.status_code == 200, answer.text
    assert f"result-{found['id']}.xlsx" in answer.headers["content-disposition"]
    sheet = load_workbook(io.BytesIO(answer.content)).get_sheet_by_index(0)
    assert sheet.to_python() == [
        ["row", "student", "note", "outcome", "detail"],
        ["2", "00123", "'=1+1", "not_issued_yet", ""],
    ]


async def test_a_result_is_of_an_import_and_of_its_issuances(api: Api) -> None:
    found = await imported(api, "ann\r\n")
    operator, path = await api.operator(), f"/v1/imports/{found['id']}/result"
    refused(await operator.get("/v1/imports/imp_no/result"), 404, "not_found")
    for query, error in (
        ({"issuance_id": "iss_none"}, ("issuance_id", "unknown")),
        ({"format": "pdf"}, ("format", "unknown_value")),
    ):
        assert field_errors(await operator.get(path, params=query)) == [error]
    refused(await (await api.teacher()).get(path), 403, "wrong_role")
