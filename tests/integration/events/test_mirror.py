"""A mirror built from events or webhooks, through every fault, equals the ledger (I11), on both databases."""

import random
from collections.abc import Mapping
from typing import Any, cast

import orjson
import pytest
from sqlalchemy import select

from client_sdk.examples.mirror import Mirror
from client_sdk.python import Api as Sdk
from client_sdk.python.shapes import Events
from client_sdk.python.webhooks import events_of, verify_webhook
from server.clock import now_ms
from server.core.checkout.redemptions import LockForm, Payment
from server.core.checkout.refunds import RefundForm
from server.flows.checkout import confirm_payment, redemptions, refunds, unlock
from server.flows.coupons.expire_coupons import tell_expired
from server.flows.drops.end_holds import end_holds
from server.flows.events import webhooks as flows
from server.flows.events.deliver_webhook import Sending, Step, deliver_some
from server.flows.events.event_pages import event_json, read_page
from server.flows.events.number_events import number_events
from server.flows.events.webhooks import WebhookForm
from server.ledger import event_log, event_positions, tables
from server.ledger.engine import Ledger
from server.ledger.events import webhooks as rows
from tests.support.builders.classroom import granted
from tests.support.builders.money import an_order
from tests.support.servers.webhook_receiver import Received, a_client, running_receiver
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio
STUDENTS = [f"s{n}" for n in range(12)]


async def ignore(_last: int, _types: object) -> None:
    """Announce to nobody."""


class LedgerReader:
    """The one call of the SDK that a mirror uses, without a port between."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def read_events(self, after: int, *, wait_seconds: int, limit: int) -> Events:
        page = await read_page(self._ledger, after, None, min(limit, 7))
        shown = orjson.dumps({"events": [event_json(e) for e in page.events], "next": page.next})
        return cast(Events, orjson.loads(shown))


async def a_lesson(rig: WorkerRig, chance: random.Random) -> None:
    """Let students win coupons and use them in every way there is."""
    classroom = rig.classroom
    drop = await classroom.opened(await classroom.made_batch(hold_seconds=600), quantity=20)
    await classroom.won(drop.id, *STUDENTS)
    await rig.loop.step()
    async with rig.ledger.read() as conn:
        found = await conn.execute(select(tables.coupons.c.student, tables.coupons.c.code))
    for student, code in sorted(found):
        await _use(rig, student, code, chance.randrange(6))
    await end_holds(rig.stores, now_ms() + 700_000)
    await tell_expired(rig.ledger, now_ms() + 400 * 86_400_000)
    await number_events(rig.ledger, ignore)


async def _use(rig: WorkerRig, student: str, code: str, way: int) -> None:
    ledger, now = rig.ledger, now_ms()
    if way == 0:
        return  # its hold ends
    form = LockForm(f"o-{student}", student, an_order(5_000), (code,))
    redemption = granted(await redemptions.lock(ledger, form, now))
    match way:
        case 1:
            granted(await unlock.cancel(ledger, redemption.id, now))
        case 2:
            await unlock.expire_overdue(ledger, redemption.expires_at + 1)
        case 3:
            granted(await confirm_payment.confirm(ledger, redemption.id, Payment(), now))
        case 4:
            granted(await confirm_payment.confirm(ledger, redemption.id, Payment(), now))
            form_of = RefundForm("r", None)
            granted(await refunds.refund(ledger, "olga", redemption.order_id, form_of, now))
        case 5:
            none = LockForm(f"o-{student}", student, an_order(5_000), ())
            granted(await redemptions.lock(ledger, none, now))


async def truth(ledger: Ledger) -> dict[str, tuple[str, str]]:
    """Return code and state of every coupon in a wallet, as the ledger has them."""
    columns = (tables.coupons.c[name] for name in ("id", "code", "state", "expiry_told_at"))
    async with ledger.read() as conn:
        found = await conn.execute(select(*columns))
    return {
        id_: (code, "expired" if state == "usable" and told is not None else state)
        for id_, code, state, told in found
    }


def mirrored(mirror: Mirror) -> dict[str, tuple[str, str]]:
    return {id_: (each["code"], each["state"]) for id_, each in mirror.coupons.items()}


@pytest.mark.parametrize("seed", range(2))
async def test_from_the_numbered_log(rig: WorkerRig, seed: int) -> None:
    await a_lesson(rig, random.Random(seed))
    mirror = Mirror()
    await mirror.follow(cast(Sdk, LedgerReader(rig.ledger)), wait_seconds=0)

    assert len(mirror.coupons) == len(STUDENTS)
    assert mirrored(mirror) == await truth(rig.ledger)


@pytest.mark.parametrize("seed", range(2))
async def test_from_webhooks_that_fail_repeat_and_come_late(rig: WorkerRig, seed: int) -> None:
    chance = random.Random(seed)
    kept: list[Received] = []

    async def moody(call: Received) -> str:
        """Take a call in or lose it; answer well or badly, whatever was done."""
        mood = chance.randrange(4)
        if mood != 0:
            kept.append(call)
        return "200 OK" if mood in (1, 2) else "503 Away"

    async with running_receiver() as receiver, a_client() as client:
        receiver.answer = moody
        form = WebhookForm(receiver.url, batch=bool(seed % 2))
        webhook = granted(
            await flows.make_webhook(rig.ledger, "olga", form, None, now_ms(), allows_private=True)
        )
        await a_lesson(rig, chance)
        async with rig.ledger.begin() as conn:
            await rows.take_leases(conn, "me", now_ms(), now_ms() + 60_000)
        while (
            step := await deliver_some(Sending(rig.ledger, client, webhook.id, "me"))
        ) is not Step.IDLE:
            assert step in (Step.MORE, Step.WAIT)
            async with rig.ledger.begin() as conn:  # its time has come, and it is not given up
                await rows.change(conn, webhook.id, {"next_try_at": 0, "failures": 0})

    # The network repeats calls, and delivers them in any order.
    calls = kept + chance.sample(kept, len(kept) // 2)
    chance.shuffle(calls)
    mirror = Mirror()
    for call in calls:
        for event in events_of(_checked(webhook.secret, call)):
            mirror.apply(event)

    assert mirrored(mirror) == await truth(rig.ledger)


def _checked(secret: str, call: Received) -> Mapping[str, Any]:
    return verify_webhook(secret, call.headers, call.body)


async def test_a_process_that_dies_while_it_numbers_leaves_no_gap_and_no_event_behind(
    rig: WorkerRig,
) -> None:
    await a_lesson(rig, random.Random(1))
    before = await read_page(rig.ledger, 0, None, 1_000)
    await rig.classroom.opened()

    class KilledError(Exception):
        """The process ends here."""

    with pytest.raises(KilledError):
        await _number_and_die(rig.ledger, KilledError())
    assert (await read_page(rig.ledger, 0, None, 1_000)).next == before.next
    await number_events(rig.ledger, ignore)
    page = await read_page(rig.ledger, 0, None, 1_000)

    assert [each.seq for each in page.events] == list(range(1, page.next + 1))
    assert len(page.events) > len(before.events)
    async with rig.ledger.read() as conn:
        assert not await event_log.has_unnumbered(conn)


async def _number_and_die(ledger: Ledger, death: Exception) -> None:
    async with ledger.begin() as conn:
        last = await event_positions.take(conn, event_positions.NUMBERING)
        assert last is not None
        await event_log.number(conn, last, 100)
        raise death
