"""Tasks that the ledger counts: events of the school and invitations; on both databases."""

from typing import Any

import pytest
from sqlalchemy import select

from server.core.audiences.student_events import StudentEvent
from server.core.drops.claims import Outcome
from server.core.drops.tasks import EventTask, InviteTask
from server.core.identity import Identity, Role
from server.flows.tasks import invites
from server.flows.tasks.invites import Arrival, NotCounted, OwnLink
from server.flows.tasks.school_events import read_events
from server.flows.tasks.tell_passes import delete_old, tell_passes
from server.ledger import tables
from tests.support.builders.classroom import ROOM, now_ms
from tests.support.builders.triggers import told
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio


async def school_says(rig: WorkerRig, name: str, student: str, type_: str = "x.form") -> None:
    now = now_ms()
    await told(rig.ledger, StudentEvent(name, type_, student, now), now=now)


async def work(rig: WorkerRig) -> int:
    await read_events(rig.ledger)
    return await tell_passes(rig.classroom.stores)


def who(student: str, **more: Any) -> Identity:
    return Identity(student, Role.STUDENT, frozenset({ROOM}), frozenset(), 0, **more)


async def test_an_event_of_the_school_opens_the_drop_to_its_student(rig: WorkerRig) -> None:
    await school_says(rig, "e0", "cyd")  # before the drop
    await work(rig)
    drop = await rig.classroom.opened(task=EventTask("x.form"))
    await work(rig)
    await school_says(rig, "e1", "ann")
    await school_says(rig, "e2", "bob", "x.other")
    assert await work(rig) == 1
    assert await work(rig) == 0
    outcomes = [await rig.classroom.tap(drop.id, name) for name in ("ann", "bob", "cyd")]
    assert outcomes == [Outcome.WON, Outcome.TASK_OPEN, Outcome.TASK_OPEN]


async def test_a_rebuilt_desk_is_told_again(rig: WorkerRig) -> None:
    drop = await rig.classroom.opened(task=EventTask("x.form"))
    await work(rig)
    await school_says(rig, "e1", "ann")
    await work(rig)
    row = await rig.classroom.row(drop.id)
    await rig.classroom.desk.redis.delete(rig.classroom.desk.keys(row.shard).passed(drop.id))
    assert await rig.classroom.tap(drop.id, "ann") is Outcome.TASK_OPEN
    assert await rig.rebuilder.rebuild(row.shard, now_ms())
    await work(rig)
    assert await rig.classroom.tap(drop.id, "ann") is Outcome.WON


async def test_new_students_who_come_by_a_link_count(rig: WorkerRig) -> None:
    drop = await rig.classroom.opened(task=InviteTask(2))
    ann = who("ann", person="pa", device="da")
    link = await invites.own_link(rig.classroom.stores, drop.id, ann, now_ms())
    assert isinstance(link, OwnLink)
    again = await invites.own_link(rig.classroom.stores, drop.id, ann, now_ms())
    assert again == link

    async def came(student: Identity) -> NotCounted | None:
        found = await invites.arrive(rig.classroom.stores, link.code, student, now_ms())
        assert isinstance(found, Arrival)
        return found.reason

    assert await came(ann) is NotCounted.SELF
    assert await came(who("an2", person="pa", is_new=True)) is NotCounted.SAME_PERSON
    assert await came(who("an3", device="da", is_new=True)) is NotCounted.SAME_DEVICE
    assert await came(who("old")) is NotCounted.NOT_NEW
    assert await came(who("bob", person="pb", is_new=True)) is None
    assert await came(who("bob", person="pb", is_new=True)) is NotCounted.CAME_BEFORE
    assert await came(who("bo2", person="pb", is_new=True)) is NotCounted.CAME_BEFORE
    assert await rig.classroom.tap(drop.id, "ann") is Outcome.TASK_OPEN
    assert await came(who("cyd", is_new=True)) is None
    assert await rig.classroom.tap(drop.id, "ann") is Outcome.WON
    shown = await invites.own_link(rig.classroom.stores, drop.id, ann, now_ms())
    assert isinstance(shown, OwnLink)
    assert (shown.progress.done, shown.progress.passed) == (2, True)
    async with rig.ledger.read() as conn:
        its = tables.invitations.c
        found = (await conn.execute(select(its.student, its.inviter).order_by(its.student))).all()
    assert [tuple(row) for row in found] == [("bob", "ann"), ("cyd", "ann")]


async def test_old_rows_are_deleted(rig: WorkerRig) -> None:
    drop = await rig.classroom.opened(task=EventTask("x.form"))
    await work(rig)
    await school_says(rig, "e1", "ann")
    await work(rig)
    async with rig.ledger.begin() as conn:
        await conn.execute(tables.drops.update().values(closed_at=1, state="closed"))
    await delete_old(rig.ledger, now_ms())
    async with rig.ledger.read() as conn:
        assert (await conn.execute(select(tables.task_passes))).all() == []
    assert drop.task == EventTask("x.form")
