"""Events reach a receiver: signed, in order, again after a failure, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio
from sqlalchemy import select, update
from standardwebhooks import Webhook as Verifier

from server.clock import now_ms
from server.core.acts import Action
from server.core.event_types import Event, EventType
from server.core.events.webhooks import RETRY_MS, Webhook, WebhookState
from server.flows.events import webhooks as flows
from server.flows.events.deliver_webhook import Sending, Step, deliver_some
from server.flows.events.number_events import number_events
from server.flows.events.receiver_client import Answer, ReceiverClient
from server.flows.events.webhooks import WebhookForm
from server.ledger import event_log, tables
from server.ledger.engine import Ledger
from server.ledger.events import webhook_deliveries
from server.ledger.events import webhooks as rows
from server.ledger.events.webhook_deliveries import Delivery
from server.worker.webhook_sender import WebhookSender
from tests.support.builders.classroom import granted
from tests.support.eventually import eventually
from tests.support.servers.webhook_receiver import Received, Receiver, a_client, running_receiver

pytestmark = pytest.mark.asyncio
DAY_MS = 86_400_000


async def ignore(_last: int, _types: object) -> None:
    """Announce to nobody."""


@dataclass(slots=True)
class Post:
    """A ledger whose events go to a receiver."""

    ledger: Ledger
    receiver: Receiver
    client: ReceiverClient

    async def made(self, **form: object) -> Webhook:
        wanted = replace(WebhookForm(self.receiver.url, batch=True), **form)  # type: ignore[arg-type]
        webhook = granted(
            await flows.make_webhook(
                self.ledger, "olga", wanted, None, now_ms(), allows_private=True
            )
        )
        async with self.ledger.begin() as conn:
            await rows.take_leases(conn, "me", now_ms(), now_ms() + 60_000)
        return webhook

    async def happen(self, *subjects: str, type_: EventType = EventType.DROP_OPENED) -> None:
        async with self.ledger.begin() as conn:
            await event_log.record(conn, [Event(type_, 1, each, {"n": 1}) for each in subjects])
        await number_events(self.ledger, ignore)

    async def step(self, webhook: Webhook, owner: str = "me") -> Step:
        return await deliver_some(Sending(self.ledger, self.client, webhook.id, owner))

    async def run(self, webhook: Webhook) -> Step:
        """Do rounds until there is nothing to do at once."""
        while (step := await self.step(webhook)) is Step.MORE:
            pass
        return step

    async def now(self, webhook: Webhook) -> Webhook:
        async with self.ledger.read() as conn:
            found = await rows.find(conn, webhook.id)
        assert found is not None
        return found

    async def due(self, webhook: Webhook) -> None:
        """Let the time of the next try come."""
        async with self.ledger.begin() as conn:
            await rows.change(conn, webhook.id, {"next_try_at": 0})

    async def deliveries(self, webhook: Webhook) -> list[Delivery]:
        async with self.ledger.read() as conn:
            return await webhook_deliveries.page(conn, webhook.id, 100, None)

    def subjects(self) -> list[str]:
        return [
            each["subject"] for each in self.receiver.events() if each["type"] != "act.recorded"
        ]


@pytest_asyncio.fixture
async def post(ledger: Ledger) -> AsyncIterator[Post]:
    async with running_receiver() as receiver, a_client() as client:
        yield Post(ledger, receiver, client)


DROPS = ("drop.opened",)


async def test_a_batch_has_up_to_500_events_and_a_good_signature(post: Post) -> None:
    webhook = await post.made(types=DROPS)
    await post.happen(*(f"d{n}" for n in range(1_200)))

    assert await post.run(webhook) is Step.IDLE
    assert post.subjects() == [f"d{n}" for n in range(1_200)]
    assert [len(call.json["data"]["events"]) for call in post.receiver.calls] == [500, 500, 200]
    first = post.receiver.calls[0]
    body = Verifier(webhook.secret).verify(first.body, first.headers)
    assert body["type"] == "batch"
    event = body["data"]["events"][0]
    assert set(event) == {"seq", "id", "type", "at", "subject", "data"}
    made = await post.deliveries(webhook)
    assert [(each.events, each.status, each.error) for each in made] == [
        (200, 204, None),
        (500, 204, None),
        (500, 204, None),
    ]


@pytest.mark.parametrize(
    ("sizes", "calls"),
    [
        ((1_000, 600_000, 700_000, 1_000), [2, 2]),
        # What goes first is small, and what does not fit beside it is not left out.
        ((400_000, 700_000), [1, 1]),
    ],
)
async def test_what_does_not_fit_into_a_body_goes_with_the_next(
    post: Post, sizes: tuple[int, ...], calls: list[int]
) -> None:
    webhook = await post.made(types=DROPS)
    names = [f"d{number}" for number in range(len(sizes))]
    drops = [
        Event(EventType.DROP_OPENED, 1, name, {"text": "x" * size})
        for name, size in zip(names, sizes, strict=True)
    ]
    async with post.ledger.begin() as conn:
        await event_log.record(conn, drops)
    await number_events(post.ledger, ignore)

    assert await post.run(webhook) is Step.IDLE
    assert post.subjects() == names
    assert [len(call.json["data"]["events"]) for call in post.receiver.calls] == calls


async def test_without_batch_a_call_has_one_event(post: Post) -> None:
    webhook = await post.made(types=DROPS, batch=False)
    await post.happen("d1", "d2")
    await post.run(webhook)

    first, second = (call.json for call in post.receiver.calls)
    assert (first["type"], first["timestamp"]) == ("drop.opened", "1970-01-01T00:00:00.001Z")
    assert (first["data"]["subject"], first["data"]["n"]) == ("d1", 1)
    assert second["data"]["seq"] == first["data"]["seq"] + 1
    assert post.receiver.calls[0].headers["webhook-id"] == first["data"]["id"]


async def test_a_webhook_gets_what_comes_after_it_was_made_and_only_its_types(post: Post) -> None:
    await post.happen("before")
    webhook = await post.made(types=DROPS)
    await post.happen("other", type_=EventType.DROP_CLOSED)
    await post.happen("after")
    await post.run(webhook)

    assert post.subjects() == ["after"]


async def test_a_failed_call_is_repeated_as_it_was_and_nothing_overtakes_it(post: Post) -> None:
    webhook = await post.made(types=DROPS)
    await post.happen("d1", "d2")
    post.receiver.answers("500 Broken", "200 OK")
    assert await post.run(webhook) is Step.WAIT
    failed = await post.now(webhook)
    assert (failed.failures, failed.state) == (1, WebhookState.ACTIVE)
    assert 5_000 <= failed.next_try_at - now_ms() + 1_000 <= 7_000

    await post.happen("d3")
    assert await post.step(webhook) is Step.WAIT  # its time has not come
    assert len(post.receiver.calls) == 1
    await post.due(webhook)
    assert await post.run(webhook) is Step.IDLE
    assert post.subjects() == ["d1", "d2", "d1", "d2", "d3"]
    ids = [call.headers["webhook-id"] for call in post.receiver.calls]
    assert ids[0] == ids[1] != ids[2]
    assert (await post.now(webhook)).failures == 0
    errors = [(each.attempt, each.error) for each in reversed(await post.deliveries(webhook))]
    assert errors == [(1, "status_500"), (2, None), (1, None)]


async def test_a_redirect_is_a_failure_and_is_not_followed(post: Post) -> None:
    webhook = await post.made(types=DROPS)
    await post.happen("d1")
    post.receiver.answers(f"302 Found\r\nLocation: {post.receiver.url}")

    assert await post.run(webhook) is Step.WAIT
    assert len(post.receiver.calls) == 1
    assert (await post.deliveries(webhook))[0].error == "status_302"


async def test_a_receivers_wish_makes_the_wait_longer(post: Post) -> None:
    webhook = await post.made(types=DROPS)
    await post.happen("d1")
    post.receiver.answers("429 Slow down\r\nRetry-After: 120")
    await post.run(webhook)

    assert (await post.now(webhook)).next_try_at - now_ms() > 110_000


async def test_410_disables_and_tells(post: Post) -> None:
    webhook = await post.made(types=DROPS)
    await post.happen("d1")
    post.receiver.answers("410 Gone")

    assert await post.run(webhook) is Step.STOP
    found = await post.now(webhook)
    assert (found.state, found.reason) == (WebhookState.DISABLED, "gone")
    async with post.ledger.read() as conn:
        acts = list(await conn.scalars(select(tables.acts.c.action)))
        told = list(await conn.scalars(select(tables.unnumbered_events.c.type)))
    assert Action.WEBHOOK_DISABLED in acts
    assert EventType.WEBHOOK_DISABLED in told


async def test_days_of_failure_disable_and_what_was_kept_goes_out_when_it_is_resumed(
    post: Post,
) -> None:
    webhook = await post.made(types=DROPS)
    await post.happen("d1", "d2")
    post.receiver.answers("503 Away")
    for _ in RETRY_MS:
        assert await post.run(webhook) is Step.WAIT
        await post.due(webhook)
    assert await post.run(webhook) is Step.STOP
    assert (await post.now(webhook)).reason == "failed_for_days"

    post.receiver.calls.clear()
    post.receiver.answers("200 OK")
    active = WebhookForm(state=WebhookState.ACTIVE)
    granted(
        await flows.change_webhook(
            post.ledger, "olga", webhook.id, active, now_ms(), allows_private=True
        )
    )
    assert await post.run(webhook) is Step.IDLE
    assert post.subjects() == ["d1", "d2"]


async def test_a_paused_webhook_keeps_its_queue_for_30_days(post: Post) -> None:
    webhook = await post.made(types=DROPS)

    async def to(state: WebhookState) -> None:
        form = WebhookForm(state=state)
        granted(
            await flows.change_webhook(
                post.ledger, "olga", webhook.id, form, now_ms(), allows_private=True
            )
        )

    await to(WebhookState.PAUSED)
    await post.happen("d1")
    assert await post.run(webhook) is Step.STOP
    await flows.clean_up(post.ledger, now_ms() + 29 * DAY_MS)
    await to(WebhookState.ACTIVE)
    assert await post.run(webhook) is Step.IDLE
    assert post.subjects() == ["d1"]

    await to(WebhookState.PAUSED)
    await flows.clean_up(post.ledger, now_ms() + 31 * DAY_MS)
    assert (await post.now(webhook)).reason == "paused_too_long"
    assert await post.deliveries(webhook) == []


async def test_both_secrets_sign_for_a_day(post: Post) -> None:
    webhook = await post.made(types=DROPS)
    rotated = granted(await flows.rotate_secret(post.ledger, "olga", webhook.id, now_ms()))
    await post.happen("d1")
    await post.run(webhook)

    call = post.receiver.calls[0]
    assert rotated.secret != webhook.secret
    for secret in (webhook.secret, rotated.secret):
        Verifier(secret).verify(call.body, call.headers)
    assert rotated.secrets(now_ms() + DAY_MS + 1_000) == (rotated.secret,)
    assert webhook.secret not in repr(rotated)
    assert rotated.secret not in repr(rotated)


async def test_a_range_is_sent_again_after_what_is_new(post: Post) -> None:
    webhook = await post.made(types=DROPS)
    await post.happen("d1", "d2", "d3")
    await post.run(webhook)
    first = post.receiver.events()[0]["seq"]
    granted(await flows.replay(post.ledger, "olga", webhook.id, first, first + 1, now_ms()))
    await post.happen("d4")
    assert await post.run(webhook) is Step.IDLE

    assert post.subjects() == ["d1", "d2", "d3", "d4", "d1", "d2"]
    kinds = [each.kind for each in await post.deliveries(webhook)]
    assert kinds == ["replay", "event", "event"]


async def test_a_worker_that_lost_its_lease_writes_nothing(post: Post) -> None:
    webhook = await post.made(types=DROPS)
    await post.happen("d1")

    async def taken_over(_: Received) -> str:
        async with post.ledger.begin() as conn:
            await conn.execute(update(tables.webhooks).values(lease_owner="other"))
        return "200 OK"

    post.receiver.answer = taken_over
    assert await post.run(webhook) is Step.STOP
    assert await post.deliveries(webhook) == []
    # The other one sends it again, under the same id: a webhook may repeat, and loses none.
    assert await post.step(webhook, "other") is Step.MORE
    ids = {call.headers["webhook-id"] for call in post.receiver.calls}
    assert (len(ids), post.subjects()) == (1, ["d1", "d1"])


async def test_a_test_call_is_answered_and_ends_a_wait(post: Post) -> None:
    webhook = await post.made(types=DROPS)
    async with post.ledger.begin() as conn:
        await rows.change(conn, webhook.id, {"next_try_at": now_ms() + DAY_MS})
    tested = granted(await flows.test_webhook(post.ledger, post.client, webhook.id, now_ms()))

    assert (tested.status, tested.error, tested.kind) == (204, None, "test")
    call = post.receiver.calls[0]
    assert Verifier(webhook.secret).verify(call.body, call.headers)["type"] == "webhook.tested"
    assert (await post.now(webhook)).next_try_at == 0


async def test_a_slow_receiver_holds_up_nobody_and_a_dead_worker_is_replaced(
    ledger: Ledger,
) -> None:
    async with AsyncExitStack() as stack:
        slow = await stack.enter_async_context(running_receiver())
        quick = await stack.enter_async_context(running_receiver())
        never = asyncio.Event()

        async def hang(_: Received) -> str:
            await never.wait()
            return "200 OK"

        slow.answer = hang
        posts = [Post(ledger, each, ReceiverClient(allows_private=True)) for each in (slow, quick)]
        for each in posts:
            form = WebhookForm(each.receiver.url, DROPS, batch=True)
            granted(
                await flows.make_webhook(ledger, "olga", form, None, now_ms(), allows_private=True)
            )
        await posts[0].happen("d1")
        sender = WebhookSender(ledger, "one", lambda: ReceiverClient(allows_private=True))
        await sender.look()
        await eventually(lambda: slow.calls and quick.calls)
        await posts[0].happen("d2")
        await sender.look()
        await eventually(lambda: posts[1].subjects() == ["d1", "d2"])
        assert posts[0].subjects() == ["d1"]

        # The worker ends in the middle of the slow call: another one sends it again.
        await sender.close()
        never.set()
        other = WebhookSender(ledger, "two", lambda: ReceiverClient(allows_private=True))
        await other.look()
        await eventually(lambda: posts[0].subjects() == ["d1", "d1", "d2"])
        await other.close()


class TestAddresses:
    async def test_a_name_that_leads_to_a_private_address_is_not_called(self) -> None:
        async def lookup(_host: str, _port: int) -> list[str]:
            return ["93.184.215.14", "10.0.0.1"]

        async with a_client(allows_private=False, lookup=lookup) as client:
            answer = await client.post("https://school.example/hook", {}, b"{}")
        assert answer.error == "private_address"

    async def test_a_name_that_changes_its_address_leads_to_the_one_that_was_checked(self) -> None:
        asked: list[str] = []

        async def lookup(host: str, _port: int) -> list[str]:
            asked.append(host)
            return ["127.0.0.1"] if len(asked) == 1 else ["127.9.9.9"]

        async with running_receiver() as receiver, a_client(lookup=lookup) as client:
            url = f"http://school.example:{receiver.port}/hook"
            answers = [await client.post(url, {}, b"{}") for _ in range(2)]
        assert [each.error for each in answers] == [None, None]
        assert asked == ["school.example"]
        assert receiver.calls[0].headers["host"] == f"school.example:{receiver.port}"

    async def test_nobody_there_is_a_failure_with_a_word(self) -> None:
        async with running_receiver() as receiver:
            url = receiver.url
        async with a_client() as client:
            answer = await client.post(url, {}, b"{}")
            nowhere = await client.post("https://no-such-host.invalid/", {}, b"{}")
        assert replace(answer, duration_ms=0) == Answer(None, "not_reachable")
        assert nowhere.error == "host_unknown"
