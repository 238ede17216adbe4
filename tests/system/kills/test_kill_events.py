"""A worker is killed at each step of numbering an event and of sending it: the log has no gap, and its
receiver gets every event, in order, a repeated call under the same id."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from server.clock import now_ms
from server.core.event_types import Event, EventType
from server.flows.events import webhooks as flows
from server.flows.events.event_pages import read_page
from server.flows.events.webhooks import WebhookForm
from server.ledger import event_log, tables
from tests.support.builders.classroom import granted
from tests.support.eventually import eventually
from tests.support.servers.crash_points import CrashPoint, CrashSite
from tests.support.servers.webhook_receiver import Receiver, running_receiver

pytestmark = pytest.mark.asyncio

NUMBER = ("server.ledger.event_log", "number")
COUNT = ("server.ledger.event_positions", "move")  # the last statement before the commit
ANNOUNCE = ("server.desk.feed.number_announcements:NumberAnnouncements", "announce")
POST = ("server.flows.events.receiver_client:ReceiverClient", "post")
WRITE = ("server.ledger.events.webhook_deliveries", "write")  # likewise

STEPS = {
    "before_the_numbers": CrashPoint(*NUMBER, "before"),
    "before_the_numbers_are_committed": CrashPoint(*COUNT, "after"),
    "before_anybody_is_told": CrashPoint(*ANNOUNCE, "before"),
    "before_the_call": CrashPoint(*POST, "before"),
    "after_the_call": CrashPoint(*POST, "after"),
    "before_the_call_is_noted": CrashPoint(*WRITE, "after"),
}
SUBJECTS = [f"drp_{n}" for n in range(1_200)]


def received(receiver: Receiver) -> list[str]:
    """Return the subjects in the order in which they came first."""
    return list(dict.fromkeys(each["subject"] for each in receiver.events()))


@pytest.mark.parametrize("step", STEPS)
async def test_a_worker_dies_between_an_event_and_its_receiver(
    crash_site: CrashSite, step: str
) -> None:
    site = replace(
        crash_site, environment={**crash_site.environment, "CLASSDROP_WEBHOOK_PRIVATE": "1"}
    )
    ledger = site.rig.ledger
    async with running_receiver() as receiver:
        form = WebhookForm(receiver.url, ("drop.opened",), batch=True)
        granted(await flows.make_webhook(ledger, "olga", form, None, now_ms(), allows_private=True))
        async with ledger.begin() as conn:
            events = [Event(EventType.DROP_OPENED, now_ms(), each) for each in SUBJECTS]
            await event_log.record(conn, events)
        await site.start("worker", STEPS[step]).dies()

        async with ledger.begin() as conn:  # its lease is over
            await conn.execute(update(tables.webhooks).values(lease_until=0))
        site.start("worker")
        await eventually(lambda: received(receiver) == SUBJECTS)
        page = await read_page(ledger, 0, None, 1_000)
        calls = [(each.headers["webhook-id"], each.json["data"]) for each in receiver.calls]

    assert [each.seq for each in page.events] == list(range(1, 1_001))
    assert len({call_id for call_id, _ in calls}) == len({repr(data) for _, data in calls})
