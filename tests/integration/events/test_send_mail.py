"""Messages of the channel `email` reach a mail server, over a real connection, on both databases."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import select

from server.core.audiences.students import StudentForm
from server.core.messages import Channel, MessageKind, NewMessage
from server.flows.audiences.students import upsert_students
from server.flows.events.send_mail import send_mail
from server.flows.events.send_messages import USUAL_POLICY, MessagePolicy
from server.ledger import tables
from server.ledger.message_queue import request
from server.mail import Mailer
from tests.support.builders.classroom import granted, now_ms
from tests.support.servers.smtp_server import Mailbox, mail_server
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio
SENDER = "Coupons <coupons@school.example>"
POLICY = MessagePolicy(replace(USUAL_POLICY.rules, quiet_hours=None), "en")


async def ask(rig: WorkerRig, *students: str) -> None:
    now = now_ms()
    wanted = [
        NewMessage(
            student=student,
            kind=MessageKind.NOTICE,
            text=f"你好 {student}",
            created_at=now,
            not_before=now,
            expires_at=now + 86_400_000,
            channels=(Channel.EMAIL,),
            url="https://school.example/use",
        )
        for student in students
    ]
    async with rig.ledger.begin() as conn:
        await request(conn, wanted)


async def told(rig: WorkerRig, **emails: str) -> None:
    forms = [StudentForm(student, facts={"email": email}) for student, email in emails.items()]
    granted(await upsert_students(rig.ledger, forms, now_ms()))


async def states(rig: WorkerRig) -> dict[str, tuple[str, str | None, int]]:
    rows = tables.messages.c
    query = select(rows.student, rows.state, rows.reason, rows.attempts)
    async with rig.ledger.read() as conn:
        return {row[0]: (row[1], row[2], row[3]) for row in await conn.execute(query)}


def recipients(box: Mailbox) -> Sequence[str]:
    return sorted(to for to, _ in box.mails)


async def test_a_mail_goes_to_the_address_in_the_facts(rig: WorkerRig) -> None:
    await told(rig, ann="ann@school.example")
    await ask(rig, "ann", "bob")

    async with mail_server() as box:
        mailer = Mailer(box.url, SENDER)
        assert await send_mail(rig.stores, POLICY, mailer, now_ms()) == 1
        assert await send_mail(rig.stores, POLICY, mailer, now_ms()) == 0

    ((to, text),) = box.mails
    assert to == "ann@school.example"
    assert f"From: {SENDER}" in text
    assert "Message-ID: <msg_" in text
    assert await states(rig) == {"ann": ("sent", None, 1), "bob": ("failed", "no_address", 1)}


async def test_one_refused_address_holds_up_no_other(rig: WorkerRig) -> None:
    students = {f"s{number}": f"s{number}@school.example" for number in range(9)}
    await told(rig, **students)
    await ask(rig, *students)

    async with mail_server() as box:
        box.refused = {"s3@school.example"}
        assert await send_mail(rig.stores, POLICY, Mailer(box.url, SENDER), now_ms()) == 8

    assert recipients(box) == sorted(set(students.values()) - box.refused)
    assert (await states(rig))["s3"] == ("queued", "SMTPRecipientsRefused", 1)


async def test_a_busy_server_is_tried_again_later(rig: WorkerRig) -> None:
    await told(rig, ann="ann@school.example")
    await ask(rig, "ann")

    async with mail_server() as box:
        box.is_busy = True
        now = now_ms()
        assert await send_mail(rig.stores, POLICY, Mailer(box.url, SENDER), now) == 0
        assert await states(rig) == {"ann": ("queued", "mail_server", 1)}
        box.is_busy = False
        assert await send_mail(rig.stores, POLICY, Mailer(box.url, SENDER), now + 4_999) == 0
        assert await send_mail(rig.stores, POLICY, Mailer(box.url, SENDER), now + 5_000) == 1


async def test_without_a_mail_server_they_fail_and_say_so(rig: WorkerRig) -> None:
    await ask(rig, "ann")

    await send_mail(rig.stores, POLICY, None, now_ms())

    assert await states(rig) == {"ann": ("failed", "no_mail_server", 1)}


async def test_an_address_that_could_begin_a_header_is_none(rig: WorkerRig) -> None:
    await told(rig, ann="ann@school.example, bob@school.example", bob="<bob@school.example>")
    await ask(rig, "ann", "bob")

    async with mail_server() as box:
        assert await send_mail(rig.stores, POLICY, Mailer(box.url, SENDER), now_ms()) == 0

    assert {reason for _, reason, _ in (await states(rig)).values()} == {"no_address"}
