"""Webhooks as operators see them: make, change, test, rotate, replay, remove.

Called by the API. A worker sends (deliver_webhook.py); it reads a webhook before each call, so a change takes
effect with the next one.
"""

import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from server.core import instants
from server.core.acts import Action
from server.core.event_types import EventType
from server.core.events.webhooks import (
    BOTH_SIGN_MS,
    KEPT_MS,
    MAX_REPLAYED,
    MAX_WEBHOOKS,
    Webhook,
    WebhookState,
    url_fault,
)
from server.core.refusals import Code, Refused, invalid_field
from server.flows.abort import Abort, returns_refusal
from server.flows.events.deliver_webhook import disable_long_paused
from server.flows.events.receiver_client import Answer, ReceiverClient
from server.flows.events.webhook_calls import signed
from server.flows.idempotency import find_previous_result
from server.ids import new_id
from server.ledger import acts, event_log, event_positions
from server.ledger.engine import Ledger
from server.ledger.events import webhook_deliveries, webhooks
from server.ledger.events.webhook_deliveries import Delivery, Replay
from server.ledger.idempotency import IdempotencyKey

TEST_SECONDS: Final = 7.0  # less than a request has
_SECRET_BYTES: Final = 32
_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class WebhookForm:
    """An operator's wishes for a webhook; None in a change: as it was. `types` empty: all."""

    url: str | None = None
    types: Sequence[str] | None = None
    batch: bool | None = None
    state: WebhookState | None = None
    metadata: Mapping[str, str] | None = field(default=None)


@returns_refusal
async def make_webhook(
    ledger: Ledger,
    actor: str,
    form: WebhookForm,
    key: IdempotencyKey | None,
    now: int,
    *,
    allows_private: bool,
) -> Webhook | Refused:
    """Make a webhook that gets every event from now on. Refuses with invalid_field, too_many."""
    _abort_if_faulty(form, allows_private)
    async with ledger.begin() as conn:
        webhook_id = new_id("whk")
        known = await find_previous_result(conn, key, webhook_id, now)
        if known is not None:
            return _found(await webhooks.find(conn, known))
        if await webhooks.count(conn) >= MAX_WEBHOOKS:
            raise Abort(Refused(Code.TOO_MANY, f"at most {MAX_WEBHOOKS} webhooks"))
        webhook = Webhook(
            id=webhook_id,
            url=form.url or "",
            types=tuple(form.types) if form.types else None,
            batch=bool(form.batch),
            state=WebhookState.ACTIVE,
            reason=None,
            secret=_new_secret(),
            old_secret=None,
            old_secret_until=None,
            position=await event_positions.last_number(conn),
            sending_until=None,
            failures=0,
            failing_since=None,
            next_try_at=0,
            paused_at=None,
            metadata=form.metadata or {},
            created_by=actor,
            created_at=now,
        )
        await webhooks.insert_webhook(conn, webhook)
        await acts.write_act(conn, actor, Action.WEBHOOK_MADE, webhook.id, now, **_shown(form))
    return webhook


@returns_refusal
async def change_webhook(
    ledger: Ledger,
    actor: str,
    webhook_id: str,
    form: WebhookForm,
    now: int,
    *,
    allows_private: bool,
) -> Webhook | Refused:
    """Change what the form names. `active` resumes where it stopped, and tries at once; events that have
    been deleted meanwhile are passed over. Refuses with not_found, invalid_field."""
    _abort_if_faulty(form, allows_private)
    async with ledger.begin() as conn:
        webhook = _found(await webhooks.find(conn, webhook_id, for_update=True))
        columns = _columns(webhook, form, now)
        await webhooks.change(conn, webhook_id, columns)
        await acts.write_act(conn, actor, Action.WEBHOOK_CHANGED, webhook_id, now, **_shown(form))
        return _found(await webhooks.find(conn, webhook_id))


def _columns(webhook: Webhook, form: WebhookForm, now: int) -> dict[str, object]:
    # Another address or another selection makes another call: nothing is repeated as it was.
    columns: dict[str, object] = {"next_try_at": 0, "sending_until": None}
    if form.url is not None:
        columns["url"] = form.url
    if form.types is not None:
        columns["types"] = list(form.types) or None
    if form.batch is not None:
        columns["batch"] = form.batch
    if form.metadata is not None:
        columns["metadata"] = dict(form.metadata)
    if form.state is WebhookState.PAUSED and webhook.state is not WebhookState.PAUSED:
        columns |= {"state": WebhookState.PAUSED.value, "paused_at": now, "reason": None}
    if form.state is WebhookState.ACTIVE and webhook.state is not WebhookState.ACTIVE:
        columns |= {"state": WebhookState.ACTIVE.value, "paused_at": None, "reason": None}
        columns |= {"failures": 0, "failing_since": None}
    return columns


@returns_refusal
async def remove_webhook(
    ledger: Ledger, actor: str, webhook_id: str, now: int, reason: str = ""
) -> Webhook | Refused:
    """Delete a webhook, and return it as it was; not_found. The act keeps the `reason`, if any."""
    async with ledger.begin() as conn:
        webhook = _found(await webhooks.find(conn, webhook_id, for_update=True))
        await webhooks.remove(conn, webhook_id)
        what: dict[str, object] = {"url": webhook.url}
        what |= {"reason": reason} if reason else {}
        await acts.write_act(conn, actor, Action.WEBHOOK_REMOVED, webhook_id, now, **what)
    return webhook


@returns_refusal
async def rotate_secret(ledger: Ledger, actor: str, webhook_id: str, now: int) -> Webhook | Refused:
    """Give a webhook a new secret. Both sign for 24 h, so that the receiver can change over; an older one
    ends at once. Refuses with not_found."""
    async with ledger.begin() as conn:
        webhook = _found(await webhooks.find(conn, webhook_id, for_update=True))
        rotated = replace(
            webhook,
            secret=_new_secret(),
            old_secret=webhook.secret,
            old_secret_until=now + BOTH_SIGN_MS,
        )
        names = ("secret", "old_secret", "old_secret_until")
        await webhooks.change(conn, webhook_id, {name: getattr(rotated, name) for name in names})
        await acts.write_act(conn, actor, Action.WEBHOOK_ROTATED, webhook_id, now)
    return rotated


@returns_refusal
async def replay(
    ledger: Ledger, actor: str, webhook_id: str, from_seq: int, to_seq: int, now: int
) -> Replay | Refused:
    """Have the events of these numbers sent again, both ends included, after what is new.

    Refuses with not_found; wrong_state where the webhook is not active; invalid_field for a range that is
    empty, too long, or not in the log (any more).
    """
    async with ledger.begin() as conn:
        webhook = _found(await webhooks.find(conn, webhook_id, for_update=True))
        if webhook.state is WebhookState.DISABLED:
            raise Abort(Refused(Code.WRONG_STATE, "it is disabled", {"state": webhook.state}))
        if to_seq > await event_positions.last_number(conn):
            raise Abort(invalid_field("to_seq", "too_large"))
        first = await event_log.oldest_kept(conn)
        if from_seq > to_seq or first is None or from_seq < first:
            raise Abort(invalid_field("from_seq", "too_large" if from_seq > to_seq else "gone"))
        if to_seq - from_seq >= MAX_REPLAYED:
            raise Abort(invalid_field("to_seq", "too_large"))
        wanted = Replay(new_id("dlv"), webhook_id, from_seq - 1, to_seq, now)
        await webhook_deliveries.add_replay(conn, wanted)
        detail = {"from_seq": from_seq, "to_seq": to_seq}
        await acts.write_act(conn, actor, Action.WEBHOOK_REPLAYED, webhook_id, now, **detail)
    return wanted


@returns_refusal
async def test_webhook(
    ledger: Ledger, client: ReceiverClient, webhook_id: str, now: int
) -> Delivery | Refused:
    """Call the receiver once, with an event of the type `webhook.tested` that is in no log.

    A good answer ends the wait of a webhook that has failed. Refuses with not_found.
    """
    async with ledger.read() as conn:
        webhook = _found(await webhooks.find(conn, webhook_id))
    body = {
        "type": EventType.WEBHOOK_TESTED.value,
        "timestamp": instants.to_text(now),
        "data": {"subject": webhook.id},
    }
    delivery_id = new_id("dlv")
    call = signed(webhook, delivery_id, body, now)
    answer = await client.post(webhook.url, call.headers, call.body, TEST_SECONDS)
    delivery = _test_delivery(delivery_id, webhook.id, answer, now)
    async with ledger.begin() as conn:
        await webhook_deliveries.write(conn, [delivery])
        if answer.error is None:
            await webhooks.change(conn, webhook.id, {"next_try_at": 0})
    return delivery


def _test_delivery(delivery_id: str, webhook_id: str, answer: Answer, now: int) -> Delivery:
    return Delivery(
        id=delivery_id,
        webhook_id=webhook_id,
        at=now,
        kind="test",
        first_seq=None,
        last_seq=None,
        events=0,
        attempt=1,
        status=answer.status,
        error=answer.error,
        answer=answer.body,
        duration_ms=answer.duration_ms,
    )


async def clean_up(ledger: Ledger, now: int) -> None:
    """Delete deliveries after 30 days, in pages, and disable what has been paused for as long."""
    await disable_long_paused(ledger, now - KEPT_MS, now)
    while True:
        async with ledger.begin() as conn:
            removed = await webhook_deliveries.remove_before(conn, now - KEPT_MS, _AT_ONCE)
        if removed < _AT_ONCE:
            return


def _abort_if_faulty(form: WebhookForm, allows_private: bool) -> None:
    if form.url is not None:
        fault = url_fault(form.url, allows_private=allows_private)
        if fault is not None:
            raise Abort(invalid_field("url", fault))
    for number, name in enumerate(form.types or ()):
        if name not in set(EventType) - {EventType.WEBHOOK_TESTED}:
            raise Abort(invalid_field(f"types.{number}", "unknown_value"))


def _found(webhook: Webhook | None) -> Webhook:
    if webhook is None:
        raise Abort(Refused(Code.NOT_FOUND))
    return webhook


def _shown(form: WebhookForm) -> dict[str, object]:
    """Return what the form names, for the act. A receiver's address may have a key in its query."""
    named = {
        "url": None if form.url is None else form.url.partition("?")[0],
        "types": None if form.types is None else list(form.types),
        "batch": form.batch,
        "state": form.state,
    }
    return {name: value for name, value in named.items() if value is not None}


def _new_secret() -> str:
    return "whsec_" + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
