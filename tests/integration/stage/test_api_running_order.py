"""The running order, reopening, edits and rehearsals over HTTP."""

import pytest

from server.core import instants
from tests.support.builders.api import ROOM, Api, Json, field_errors, good, refused

pytestmark = pytest.mark.asyncio
DROPS = f"/v1/rooms/{ROOM}/drops"
ORDER = f"/v1/rooms/{ROOM}/running-order"


def _in(api: Api, seconds: int) -> str:
    return instants.to_text(api.clock.now + seconds * 1000)


@pytest.mark.parametrize("is_bare", [True, False])
async def test_an_order_is_written_read_held_and_resumed(api: Api, is_bare: bool) -> None:
    teacher = await api.teacher()
    drops = [await api.made_drop(start="prepared") for _ in range(3)]
    moments: list[Json] = [{"minute": 5}, {"video_seconds": 90}, {"at": _in(api, 600)}]
    entries = [{"drop_id": d["id"], **m} for d, m in zip(drops, moments, strict=True)]
    body = entries if is_bare else {"entries": entries}
    written = good(await teacher.put(ORDER, json=body))
    assert [one["drop_id"] for one in written["entries"]] == [one["id"] for one in drops]
    assert (written["held"], written["started_at"]) == (False, None)
    held = good(await teacher.post(f"{ORDER}/hold"))
    assert (held["held"], held["held_by"]) == (True, "tina")
    assert "due_at" not in held["entries"][2]
    resumed = good(await teacher.post(f"{ORDER}/resume"))
    assert resumed["entries"][2]["due_at"] == moments[2]["at"]
    started = good(await teacher.post(f"{ORDER}/start"))
    assert started["started_at"] is not None
    moved = good(await teacher.post(f"{ORDER}/position", json={"video_seconds": 7}))
    assert moved["video_seconds"] == 7
    assert good(await teacher.get(ORDER))["entries"] == moved["entries"]


async def test_an_entry_has_one_moment_and_a_student_writes_none(api: Api) -> None:
    teacher, drop = await api.teacher(), await api.made_drop(start="prepared")
    both = [{"drop_id": drop["id"], "minute": 1, "video_seconds": 1}]
    answer = await teacher.put(ORDER, json=both)
    assert field_errors(answer) == [("entries.0", "several_moments")]
    answer = await teacher.put(ORDER, json=[{"drop_id": "drp_none", "minute": 1}])
    assert field_errors(answer) == [("entries.0.drop_id", "unknown")]
    student = await api.student("amy")
    refused(await student.put(ORDER, json=[]), 403, "wrong_role")


async def test_open_end_and_clock_end(api: Api) -> None:
    made = await api.made_drop(closes="open_end")
    assert (made["state"], made["closes_at"], made["closes"]) == ("open", None, "open_end")
    at = _in(api, 300)
    clock = await api.made_drop(closes={"at": at}, start="prepared")
    assert (clock["closes"], clock["duration_seconds"]) == ({"at": at}, None)
    teacher = await api.teacher()
    body = {"batch_id": made["batch_id"], "quantity": 1}
    answer = await teacher.post(DROPS, json=body)
    assert field_errors(answer) == [("duration_seconds", "missing")]
    answer = await teacher.post(DROPS, json={**body, "closes": {"at": _in(api, -5)}})
    assert field_errors(answer) == [("closes.at", "in_the_past")]
    answer = await teacher.post(DROPS, json={**body, "closes": "never"})
    assert field_errors(answer) == [("closes", "unknown_value")]


async def test_a_length_and_an_end_together_are_refused(api: Api) -> None:
    teacher, made = await api.teacher(), await api.made_drop(start="prepared")
    both = {"duration_seconds": 90, "closes": "open_end"}
    new = {"batch_id": made["batch_id"], "quantity": 1, **both}
    before, rows = good(await teacher.get(f"{DROPS}/{made['id']}")), await api.row_counts()

    answers = [
        await teacher.post(DROPS, json=new),
        await teacher.patch(f"{DROPS}/{made['id']}", json=both),
        await teacher.post(f"{DROPS}/{made['id']}/reopen", json=both),
    ]

    assert [field_errors(answer) for answer in answers] == [[("closes", "conflict")]] * 3
    assert good(await teacher.get(f"{DROPS}/{made['id']}")) == before
    assert await api.row_counts() == rows


async def test_a_prepared_drop_is_edited_and_deleted(api: Api) -> None:
    teacher = await api.teacher()
    made = await api.made_drop(at=_in(api, 600))
    one = f"{DROPS}/{made['id']}"
    assert made["state"] == "prepared"
    assert made["at"] is not None
    edited = good(await teacher.patch(one, json={"quantity": 7, "message": "hi", "at": None}))
    assert (edited["quantity"], edited["message"], edited.get("at")) == (7, "hi", None)
    good(await teacher.delete(one))
    refused(await teacher.get(one), 404, "not_found")
    opened = await api.made_drop()
    refused(await teacher.patch(f"{DROPS}/{opened['id']}", json={}), 409, "wrong_state")
    refused(await teacher.delete(f"{DROPS}/{opened['id']}"), 409, "wrong_state")


async def test_a_closed_drop_is_opened_again(api: Api) -> None:
    teacher, made = await api.teacher(), await api.made_drop()
    one = f"{DROPS}/{made['id']}"
    body = {"quantity": 5, "duration_seconds": 60}
    refused(await teacher.post(f"{one}/reopen", json=body), 409, "wrong_state")
    good(await teacher.post(f"{one}/close"))
    again = good(await teacher.post(f"{one}/reopen", json=body))
    assert (again["state"], again["remaining"], again["openings"]) == ("open", 5, 2)
    batch = good(await teacher.get(f"/v1/batches/{made['batch_id']}"))
    assert batch["remaining"] == 95


async def test_a_rehearsal_names_its_testers_and_takes_nothing(api: Api) -> None:
    teacher = await api.teacher()
    made = await api.made_drop(rehearsal=True, audience={"students": ["amy"]})
    assert made["rehearsal"] is True
    batch = good(await teacher.get(f"/v1/batches/{made['batch_id']}"))
    assert batch["remaining"] == 100
    body = {"batch_id": made["batch_id"], "quantity": 1, "duration_seconds": 60}
    answer = await teacher.post(DROPS, json={**body, "rehearsal": True})
    assert field_errors(answer) == [("audience.students", "required")]
    amy, ben = await api.student("amy"), await api.student("ben")
    claim = f"/v1/drops/{made['id']}/claims"
    assert good(await ben.post(claim, json={"request_id": "r"}))["outcome"] == "not_eligible"
    assert good(await amy.post(claim, json={"request_id": "r"}))["outcome"] == "won"


async def test_an_order_that_was_written_meanwhile_is_not_lost(api: Api) -> None:
    teacher = await api.teacher()
    first, second = [(await api.made_drop(start="prepared"))["id"] for _ in range(2)]
    seen = good(await teacher.get(ORDER))["version"]
    mine = {"entries": [{"drop_id": first, "minute": 5}], "version": seen}
    written = good(await teacher.put(ORDER, json=mine))
    assert good(await teacher.put(ORDER, json=mine)) == written | {"now": written["now"]}
    theirs = {"entries": [{"drop_id": second, "minute": 9}], "version": seen}
    answer = await teacher.put(ORDER, json=theirs)
    refused(answer, 409, "wrong_state")
    assert answer.json()["version"] == written["version"]
    assert good(await teacher.get(ORDER))["entries"] == written["entries"]
    again = good(await teacher.put(ORDER, json=theirs | {"version": written["version"]}))
    assert again["version"] != written["version"]
    del theirs["version"]  # a writer that knows of no versions writes over any order
    assert good(await teacher.put(ORDER, json=theirs))["version"] == again["version"]
