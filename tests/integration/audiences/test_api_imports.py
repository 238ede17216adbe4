"""Files of students over HTTP, on both databases: read, shown, refused, and written once."""

import io
import zipfile

import httpx
import pytest
import xlsxwriter

from server.core.audiences.imports import KEPT_MS, MAX_BYTES
from server.flows.audiences import imports as flows
from server.ledger.audiences.imports import LEFT_BEHIND_MS
from tests.support.builders.api import Api, Json, field_errors, good, refused
from tests.support.builders.money import NOW

pytestmark = pytest.mark.asyncio
CSV = {"Content-Type": "text/csv"}
XLSX = {"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
Cells = list[list[str | float | bool]]


def a_workbook(rows: Cells) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return file.getvalue()


async def upload(api: Api, content: bytes, **headers: str) -> httpx.Response:
    operator = await api.operator()
    return await operator.post("/v1/imports", content=content, headers={**CSV, **headers})


async def test_a_file_is_read_and_shown(api: Api) -> None:
    text = (
        "学号,备注,姓名\r\nann,front row,安\r\nbob,,\r\n１２３,,\r\nann,again,\r\n\r\n"
        "1.2E+10,,\r\n,lost,\r\n"
    )

    made = good(await upload(api, text.encode("utf-8-sig")), 201)

    assert {name: made[name] for name in ("format", "encoding", "delimiter")} == {
        "format": "csv",
        "encoding": "utf-8",
        "delimiter": ",",
    }
    counts = [made[name] for name in ("rows", "good", "duplicates", "bad_total", "blank", "mended")]
    assert counts == [6, 3, 1, 2, 1, 1]
    assert made["bad"] == [
        {"row": 7, "column": "student", "code": "scientific_number"},
        {"row": 8, "column": "student", "code": "missing"},
    ]
    assert made["duplicate_rows"] == [{"row": 5, "first_row": 2, "student": "ann"}]
    assert made["sample"] == [
        {"row": 2, "student": "ann", "note": "front row"},
        {"row": 3, "student": "bob"},
        {"row": 4, "student": "123"},
    ]
    assert made["ignored_columns"] == ["姓名"]
    operator = await api.operator()
    assert good(await operator.get(f"/v1/imports/{made['id']}")) == made
    (listed,) = good(await operator.get("/v1/imports"))["imports"]
    assert listed == {name: made[name] for name in listed}
    (act,) = good(await operator.get(f"/v1/acts?subject={made['id']}"))["acts"]
    assert (act["action"], act["detail"]["good"]) == ("import.made", 3)


async def test_a_workbook_s_numbers_are_ids_and_its_dates_are_not(api: Api) -> None:
    content = a_workbook([["student_id"], [1001], ["0042"], [1.5], [True], [12e15]])

    made = good(await upload(api, content, **XLSX), 201)

    assert (made["format"], made["encoding"], made["delimiter"]) == ("xlsx", None, None)
    assert [row["student"] for row in made["sample"]] == ["1001", "0042"]
    assert [(row["row"], row["code"]) for row in made["bad"]] == [
        (4, "is_fraction"),
        (5, "is_boolean"),
        (6, "lost_digits"),
    ]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", ("rows", "empty")),
        ("学号\r\n".encode(), ("rows", "empty")),
        (b"\xff", ("", "bad_encoding")),
        (b'student\r\nann\r\n"bob\r\n', ("rows.3", "bad_quotes")),
        (b"student,student\r\nann,bob\r\n", ("student", "ambiguous")),
        (b"student,count\r\nann,2\r\n", ("count", "unsupported")),
        (b"PK\x03\x04 but no file", ("", "damaged")),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 of 2003", ("", "old_format")),
        (b"student\n" + b"\n".join(b"%d" % n for n in range(100_001)), ("rows", "too_many")),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_and_nothing_is_written(
    api: Api, content: bytes, error: tuple[str, str]
) -> None:
    before = await api.row_counts()
    assert field_errors(await upload(api, content)) == [error]
    assert await api.row_counts() == before


async def test_a_workbook_that_asks_for_a_terabyte_is_refused(api: Api) -> None:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write(0, 0, "student")
        sheet.write(1_048_575, 16_383, "far")
    assert field_errors(await upload(api, file.getvalue(), **XLSX)) == [("", "unreadable")]


async def test_a_file_that_is_far_larger_inside_is_refused(api: Api) -> None:
    file = io.BytesIO(a_workbook([["student"], ["ann"]]))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/media/zeros.bin", bytes(50_000_000))
    assert field_errors(await upload(api, file.getvalue(), **XLSX)) == [("", "too_large_inside")]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "text/csv", "Content-Encoding": "gzip"}, 415),
        ({"Content-Type": "text/csv; charset=latin-1"}, 415),
        ({"Content-Type": "text/csv; charset=GBK"}, 201),
        ({"Content-Type": "application/octet-stream"}, 201),
        ({"Content-Type": "application/vnd.ms-excel"}, 201),
    ],
)
async def test_the_content_type_says_that_it_is_a_file(
    api: Api, headers: dict[str, str], status: int
) -> None:
    answer = await upload(api, b"ann\r\n", **headers)
    assert answer.status_code == status, answer.text


async def test_more_than_10_mb_are_refused(api: Api) -> None:
    refused(await upload(api, bytes(MAX_BYTES + 1)), 413, "too_large")


async def test_a_repeated_upload_is_one_import(api: Api) -> None:
    key = {"Idempotency-Key": "monday"}
    first = good(await upload(api, b"ann\r\nbob\r\n", **key), 201)
    again = good(await upload(api, b"ann\r\nbob\r\n", **key), 201)
    other = await upload(api, b"ann\r\n", **key)

    assert first == again
    refused(other, 409, "idempotency_mismatch")
    assert len(good(await (await api.operator()).get("/v1/imports"))["imports"]) == 1


async def test_imports_come_page_by_page_and_to_operators_only(api: Api) -> None:
    made = [good(await upload(api, b"s%d\r\n" % number), 201)["id"] for number in range(3)]
    operator = await api.operator()

    first = good(await operator.get("/v1/imports?limit=2"))
    rest = good(await operator.get(f"/v1/imports?after={first['next']}"))

    assert [each["id"] for each in (*first["imports"], *rest["imports"])] == made[::-1]
    assert rest["next"] is None
    for client in (await api.teacher(), await api.student(), await api.service()):
        refused(await client.get(f"/v1/imports/{made[0]}"), 403, "wrong_role")
    refused(await operator.get("/v1/imports/imp_no"), 404, "not_found")


async def test_an_import_ends_after_30_days(api: Api) -> None:
    old = good(await upload(api, b"ann\r\nbob\r\n"), 201)
    api.clock.now += 1
    young = good(await upload(api, b"ann\r\n"), 201)

    ends_at = NOW + KEPT_MS
    assert await flows.delete_expired(api.parts.ledger, ends_at - 1) == 0
    assert await flows.delete_expired(api.parts.ledger, ends_at) == 1

    operator = await api.operator()
    refused(await operator.get(f"/v1/imports/{old['id']}"), 404, "not_found")
    assert good(await operator.get("/v1/imports"))["imports"][0]["id"] == young["id"]
    assert (await api.row_counts())["import_rows"] == 1


async def test_what_a_dead_process_left_is_seen_by_nobody_and_deleted(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def died(*_: object) -> str:
        raise RuntimeError("killed between the rows and the end")

    monkeypatch.setattr(flows, "_publish", died)
    refused(await upload(api, b"ann\r\n"), 500, "internal")
    before: Json = await api.row_counts()

    assert good(await (await api.operator()).get("/v1/imports"))["imports"] == []
    assert before["import_rows"] == 1
    assert await flows.delete_expired(api.parts.ledger, api.clock.now + LEFT_BEHIND_MS) == 1
    assert (await api.row_counts())["imports"] == 0
