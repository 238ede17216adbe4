"""A closed drop is sealed once, with every claim, and each student can prove their own."""

import asyncio
from typing import Any, cast

import pytest

from client_sdk.python.receipts import verify_receipt
from server.core.drops import why
from server.core.drops.claims import Audience
from server.core.drops.drop_ends import DropEnd
from server.core.drops.drops import EndsBy
from server.core.ids import StudentId
from server.core.instants import to_text
from server.desk.claims.outbox import Outbox
from server.desk.feed.feed_messages import FeedKind
from server.flows.drops import seal_drops as sealing
from server.flows.drops.changes.reopen_drop import ReopenForm
from server.flows.drops.seal_drops import GIVE_UP_MS, seal_drops
from server.flows.drops.views import receipts
from server.flows.drops.views.drop_snapshot import read_drop_snapshot
from server.ledger import tables
from server.ledger.drops import claims
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms

pytestmark = pytest.mark.asyncio


async def _receipt(classroom: Classroom, drop_id: str, student: str | None = None) -> Any:
    sealed = await receipts.Receipts().find(classroom.ledger, drop_id)
    if sealed is None:
        return None
    document = receipts.document(sealed)
    document["leaves"] = [leaf.hex() for leaf in sealed.leaves]
    if student is not None:
        document["own"] = await receipts.own(classroom.ledger, sealed, student)
    return document


async def _closed(classroom: Classroom, *students: str) -> str:
    drop = await classroom.opened()
    await classroom.won(drop.id, *students)
    granted(await classroom.drops.close(drop.id, ROOM, now_ms()))
    return str(drop.id)


async def test_a_drop_is_sealed_when_the_ledger_has_all_its_wins(classroom: Classroom) -> None:
    drop_id = await _closed(classroom, "ann", "ben", "cat")
    assert await seal_drops(classroom.stores, now_ms()) == 0
    assert await _receipt(classroom, drop_id) is None
    await classroom.confirm(drop_id)
    sealed = await asyncio.gather(*(seal_drops(classroom.stores, now_ms()) for _ in range(3)))

    assert sum(sealed) == 1
    for student, index in (("ann", 0), ("ben", 1), ("cat", 2)):
        document = await _receipt(classroom, drop_id, student)
        assert verify_receipt(document) is None
        assert (document["count"], document["stock"], document["came_back"]) == (3, 10, 0)
        assert (document["own"]["unit"], document["own"]["index"]) == (index + 1, index)
        assert document["own"]["student"] == student
    stranger = await _receipt(classroom, drop_id, "eve")
    assert stranger["own"] is None


async def test_the_room_is_told_the_seal_once(classroom: Classroom) -> None:
    drop_id = await _closed(classroom, "ann")
    await classroom.confirm(drop_id)
    for _ in range(2):
        await seal_drops(classroom.stores, now_ms())

    opened, closed, told = await classroom.told()
    document = await _receipt(classroom, drop_id)
    assert (opened.kind, closed.kind, told.kind) == (
        FeedKind.OPENED,
        FeedKind.CLOSED,
        FeedKind.SEALED,
    )
    assert told.drop.closed_at == closed.drop.closed_at
    assert told.drop.seal["seal"] == document["seal"]
    assert verify_receipt(document, cast("str", told.drop.seal["seal"])) is None
    assert verify_receipt(document, "0" * 64) == "told"


async def test_a_unit_that_came_back_and_was_given_again_is_told(classroom: Classroom) -> None:
    drop = await classroom.opened()
    await classroom.won(drop.id, "ann", "ben")
    await classroom.confirm(drop.id)
    row = await classroom.row(drop.id)
    async with classroom.ledger.begin() as conn:
        mine = await claims.of_student(conn, drop.id, "ann")
        assert mine is not None
        await claims.release(conn, [mine.id], "hold_ended")
    await classroom.desk.drops.release(row.shard, drop.id, {StudentId("ann"): mine.id})
    await classroom.won(drop.id, "cat")
    await classroom.confirm(drop.id)
    granted(await classroom.drops.close(drop.id, ROOM, now_ms()))
    assert await seal_drops(classroom.stores, now_ms()) == 1

    document = await _receipt(classroom, drop.id, "cat")
    assert verify_receipt(document) is None
    assert (document["count"], document["came_back"], document["given_again"]) == (2, 1, 1)
    assert (document["own"]["unit"], document["own"]["turn"]) == (1, 2)
    assert (await _receipt(classroom, drop.id, "ann"))["own"] is None
    sealed = await receipts.Receipts().find(classroom.ledger, drop.id)
    assert sealed is not None
    lost = await receipts.why_none(classroom.ledger, sealed, "ann", None)
    assert lost.told(0) == {"reason": "hold_ended"}


async def test_a_drop_that_was_opened_again_is_sealed_again_and_names_the_seal_before(
    classroom: Classroom,
) -> None:
    drop_id = await _closed(classroom, "ann")
    await classroom.confirm(drop_id)
    assert await seal_drops(classroom.stores, now_ms()) == 1
    first = await _receipt(classroom, drop_id, "ann")
    again = ReopenForm(5, DropEnd(EndsBy.DURATION, 60))
    granted(await classroom.drops.reopen(drop_id, ROOM, again, now_ms()))
    assert (await classroom.view(drop_id)).seal is None
    await classroom.won(drop_id, "ben")
    await classroom.confirm(drop_id)
    granted(await classroom.drops.close(drop_id, ROOM, now_ms()))
    assert await seal_drops(classroom.stores, now_ms()) == 1

    second = await _receipt(classroom, drop_id, "ben")
    assert verify_receipt(second) is None
    assert (second["count"], second["previous"]) == (2, first["seal"])
    assert "previous" not in first
    earlier = await receipts.Receipts().find(classroom.ledger, drop_id, first["seal"])
    assert earlier is not None
    assert receipts.document(earlier) == {
        name: first[name] for name in first if name not in ("leaves", "own")
    }
    assert (await classroom.view(drop_id)).seal == (await classroom.told())[-1].drop.seal


async def test_a_seal_does_not_count_what_was_won_after_a_reopening(classroom: Classroom) -> None:
    """The first close waits for a win that is not in the ledger yet when the drop is opened again."""
    drop_id = await _closed(classroom, "ann")
    closed = await read_drop_snapshot(classroom.ledger, drop_id)
    again = ReopenForm(5, DropEnd(EndsBy.DURATION, 60))
    granted(await classroom.drops.reopen(drop_id, ROOM, again, now_ms()))
    await classroom.won(drop_id, "ben")
    await classroom.confirm(drop_id)
    assert await seal_drops(classroom.stores, now_ms() + GIVE_UP_MS) == 0
    assert not await sealing._seal(classroom.stores, closed, now_ms())
    granted(await classroom.drops.close(drop_id, ROOM, now_ms()))
    assert await seal_drops(classroom.stores, now_ms()) == 1
    document = await _receipt(classroom, drop_id, "ann")
    assert (document["count"], document.get("previous")) == (2, None)


async def test_who_is_not_in_the_list_hears_the_same_reason_later(classroom: Classroom) -> None:
    """Two who were refused hear the same: how many there were, and when the last one went."""
    drop_id = await _closed(classroom, *(f"s{n}" for n in range(10)))
    await classroom.confirm(drop_id)
    await seal_drops(classroom.stores, now_ms())
    sealed = await receipts.Receipts().find(classroom.ledger, drop_id)
    assert sealed is not None
    row = await classroom.row(drop_id)
    outbox = await Outbox(classroom.desk.redis, classroom.desk.prefix, "t").read_all(row.shard)
    last = max(one.won_at for one in outbox)
    for student in ("eve", "dan"):
        told = (await receipts.why_none(classroom.ledger, sealed, student, None)).told(0)
        assert told == {"reason": "taken", "units": 10, "last_at": to_text(last)}
    outside = await receipts.why_none(classroom.ledger, sealed, "eve", why.NOT_NEW)
    assert outside.told(0) == {"reason": "not_new"}


async def test_a_rehearsal_is_not_sealed(classroom: Classroom) -> None:
    drop = await classroom.opened(
        rehearsal=True, audience=Audience(students=frozenset({StudentId("ann")}))
    )
    await classroom.won(drop.id, "ann")
    await classroom.confirm(drop.id)
    granted(await classroom.drops.close(drop.id, ROOM, now_ms()))
    assert await seal_drops(classroom.stores, now_ms() + GIVE_UP_MS) == 0
    assert await _receipt(classroom, drop.id) is None


async def test_a_win_that_cannot_be_written_is_not_waited_for_for_ever(
    classroom: Classroom,
) -> None:
    drop_id = await _closed(classroom, "ann")
    assert await seal_drops(classroom.stores, now_ms() + GIVE_UP_MS) == 1
    document = await _receipt(classroom, drop_id)
    assert verify_receipt(document) is None
    assert document["count"] == 0


async def test_drops_that_wait_for_a_win_hold_up_no_later_one(
    classroom: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "_AT_ONCE", 2)
    for student in ("ann", "ben", "cat"):
        await _closed(classroom, student)  # its win is not in the ledger
    last = await _closed(classroom)

    assert await seal_drops(classroom.stores, now_ms()) == 1
    assert (await _receipt(classroom, last))["count"] == 0


async def test_a_merged_account_proves_its_place_without_its_old_name(
    classroom: Classroom,
) -> None:
    drop_id = await _closed(classroom, "ann")
    await classroom.confirm(drop_id)
    await seal_drops(classroom.stores, now_ms())
    sealed = await receipts.Receipts().find(classroom.ledger, drop_id)
    assert sealed is not None
    async with classroom.ledger.begin() as conn:
        await conn.execute(tables.claims.update().values(student="ann2"))

    document = await _receipt(classroom, drop_id, "ann2")
    assert "salt" not in document["own"]
    assert verify_receipt(document) is None
