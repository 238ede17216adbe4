"""Send events to a webhook, one call after the other, and write down how far it has come.

Called by the worker's task that has the webhook's lease. Each call carries what the log has after the
webhook's position: one event, or up to 500. The position moves in the transaction that writes the call down,
after the receiver has answered: a worker that dies in between makes the next one send the call again, under
the same id. A call that failed is repeated as it was, so that its id keeps its meaning.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from time import monotonic
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import now_ms
from server.core.acts import Action
from server.core.event_types import Event, EventType
from server.core.events.webhooks import (
    MAX_BATCH,
    DisabledReason,
    Webhook,
    WebhookState,
    next_try_at,
)
from server.flows.events.receiver_client import Answer, ReceiverClient
from server.flows.events.webhook_calls import call_of
from server.ids import new_id
from server.ledger import acts, event_log, event_positions
from server.ledger.engine import Ledger
from server.ledger.event_log import NumberedEvent
from server.ledger.events import webhook_deliveries, webhooks
from server.ledger.events.webhook_deliveries import Delivery, Replay

LEASE_MS: Final = 60_000  # longer than a round: 5 s and one call of 20
_ROUND_SECONDS: Final = 5.0  # then what was sent is written down
_SINGLES: Final = 50  # calls of a round that carries one event each
_RANGE: Final = 20_000  # numbers that one read looks at
_UNWRITTEN: Final = 1_000  # unwanted events that are passed before the position is written
_MAX_BODY: Final = 1_000_000  # bytes of data in one call
_GONE: Final = 410
ACTOR: Final = "classdrop"  # of what no person did
_log = structlog.get_logger()


class Step(Enum):
    """The work that a round has left."""

    MORE = auto()  # at once
    IDLE = auto()  # when there are new events
    WAIT = auto()  # at the webhook's time
    STOP = auto()  # nothing: it is paused, disabled, gone or another worker's


@dataclass(frozen=True, slots=True)
class Sending:
    """The receiver of a round, and who has the lease."""

    ledger: Ledger
    client: ReceiverClient
    webhook_id: str
    owner: str


@dataclass(frozen=True, slots=True)
class _Work:
    """The calls of a round. `until`: the position once all are done. `replay`: the range that they are of,
    None for what is new."""

    calls: Sequence[Sequence[NumberedEvent]]
    until: int
    is_more: bool
    replay: Replay | None = None


async def deliver_some(sending: Sending) -> Step:
    """Do one round: a few calls of what is new, or else of a range that is to be sent again.

    LedgerUnavailableError is passed on; what was sent and not written down is sent again."""
    now = now_ms()
    async with sending.ledger.read() as conn:
        webhook = await webhooks.find(conn, sending.webhook_id)
        if webhook is None or webhook.state is not WebhookState.ACTIVE:
            return Step.STOP
        if webhook.next_try_at > now:
            return Step.WAIT
        work = await _find_work(conn, webhook)
    if work is None:
        return Step.IDLE
    deliveries, position, failed = await _send_all(sending, webhook, work)
    async with sending.ledger.begin() as conn:
        return await _write(conn, sending, webhook, work, _Sent(deliveries, position, failed))


async def _find_work(conn: AsyncConnection, webhook: Webhook) -> _Work | None:
    last = await event_positions.last_number(conn)
    if webhook.position < last:
        work = await _read(conn, webhook, webhook.position, webhook.sending_until or last)
        if work.calls or work.until - webhook.position >= _UNWRITTEN or work.is_more:
            return work
    for replay in await webhook_deliveries.replays_of(conn, webhook.id):
        work = await _read(conn, webhook, replay.position, min(replay.until_seq, last))
        return replace(work, replay=replay)
    return None


async def _read(conn: AsyncConnection, webhook: Webhook, after: int, last: int) -> _Work:
    until = min(after + _RANGE, last)
    limit = MAX_BATCH if webhook.batch else _SINGLES
    found, until = await event_log.read_range(conn, after, until, webhook.types, limit)
    if not webhook.batch:
        return _Work([[each] for each in found], until, until < last)
    fitting = _within_a_body(found)
    if len(fitting) < len(found):
        until = fitting[-1].seq  # the others go with the next call
    return _Work([fitting] if fitting else [], until, until < last)


def _within_a_body(events: list[NumberedEvent]) -> list[NumberedEvent]:
    """Return the first of these events that fit into one body; at least one."""
    total = 0
    for number, each in enumerate(events):
        total += _size(each)
        if total > _MAX_BODY and number:
            return events[:number]
    return events


def _size(event: NumberedEvent) -> int:
    return len(event.data)


@dataclass(frozen=True, slots=True)
class _Sent:
    """The outcome of a round. `position`: all up to it is done. `failed`: the call that was not delivered,
    with its answer, None where all were."""

    deliveries: Sequence[Delivery]
    position: int
    failed: tuple[Answer, Sequence[NumberedEvent]] | None


async def _send_all(
    sending: Sending, webhook: Webhook, work: _Work
) -> tuple[list[Delivery], int, tuple[Answer, Sequence[NumberedEvent]] | None]:
    began, deliveries = monotonic(), list[Delivery]()
    position = work.replay.position if work.replay else webhook.position
    for events in work.calls:
        if monotonic() - began > _ROUND_SECONDS:
            return deliveries, position, None
        call = call_of(webhook, events, now_ms())
        answer = await sending.client.post(webhook.url, call.headers, call.body)
        deliveries.append(_delivery(webhook, work, events, answer))
        if answer.error is not None:
            return deliveries, position, (answer, events)
        position = events[-1].seq
    return deliveries, work.until, None


def _delivery(
    webhook: Webhook, work: _Work, events: Sequence[NumberedEvent], answer: Answer
) -> Delivery:
    return Delivery(
        id=new_id("dlv"),
        webhook_id=webhook.id,
        at=now_ms(),
        kind="event" if work.replay is None else "replay",
        first_seq=events[0].seq,
        last_seq=events[-1].seq,
        events=len(events),
        attempt=webhook.failures + 1,
        status=answer.status,
        error=answer.error,
        answer=answer.body,
        duration_ms=answer.duration_ms,
    )


async def _write(
    conn: AsyncConnection, sending: Sending, webhook: Webhook, work: _Work, sent: _Sent
) -> Step:
    now = now_ms()
    columns: dict[str, object] = {"lease_until": now + LEASE_MS}
    if work.replay is None:
        columns |= {"position": sent.position, "sending_until": None}
    if sent.failed is None and sent.deliveries:
        columns |= {"failures": 0, "failing_since": None, "next_try_at": 0}
    if sent.failed is not None:
        answer, events = sent.failed
        columns |= _after_failure(webhook, answer, now)
        if work.replay is None:
            columns["sending_until"] = events[-1].seq
    if not await webhooks.write_as_owner(conn, webhook.id, sending.owner, columns):
        return Step.STOP  # it is another worker's by now, and sends this again
    if work.replay is not None:
        await webhook_deliveries.move_replay(conn, work.replay, sent.position)
    await webhook_deliveries.write(conn, sent.deliveries)
    if sent.failed is None:
        return Step.MORE
    return await _note_failure(conn, webhook, columns, sent.failed[0], now)


def _after_failure(webhook: Webhook, answer: Answer, now: int) -> dict[str, object]:
    failures = webhook.failures + 1
    again_at = next_try_at(failures, now, secrets.randbelow(1_000) / 1_000, answer.wish_ms)
    columns: dict[str, object] = {
        "failures": failures,
        "failing_since": now if webhook.failing_since is None else webhook.failing_since,
        "next_try_at": again_at or 0,
    }
    if answer.status == _GONE:
        columns |= _disabled(DisabledReason.GONE)
    elif again_at is None:
        columns |= _disabled(DisabledReason.FAILED_FOR_DAYS)
    return columns


def _disabled(reason: DisabledReason) -> dict[str, object]:
    return {"state": WebhookState.DISABLED.value, "reason": reason.value}


async def _note_failure(
    conn: AsyncConnection,
    webhook: Webhook,
    columns: Mapping[str, object],
    answer: Answer,
    now: int,
) -> Step:
    """Tell of the first failure and of the end; those between would only repeat it."""
    if "reason" in columns:
        await tell_disabled(conn, webhook.id, str(columns["reason"]), now)
        return Step.STOP
    if webhook.failures == 0:
        _log.warning("webhook_failed", webhook_id=webhook.id, error=answer.error)
    return Step.WAIT


async def tell_disabled(conn: AsyncConnection, webhook_id: str, reason: str, now: int) -> None:
    """Write down that a webhook was given up: an act, an event for the others, a line in the log."""
    await acts.write_act(conn, ACTOR, Action.WEBHOOK_DISABLED, webhook_id, now, reason=reason)
    event = Event(EventType.WEBHOOK_DISABLED, now, webhook_id, {"reason": reason})
    await event_log.record(conn, [event])
    _log.warning("webhook_disabled", webhook_id=webhook_id, reason=reason)


async def disable_long_paused(ledger: Ledger, before: int, now: int) -> None:
    """Disable webhooks that have been paused since before this time (ms)."""
    async with ledger.read() as conn:
        found = await webhooks.paused_before(conn, before)
    for webhook_id in found:
        async with ledger.begin() as conn:
            webhook = await webhooks.find(conn, webhook_id, for_update=True)
            if webhook is None or webhook.paused_at is None or webhook.paused_at >= before:
                continue
            reason = DisabledReason.PAUSED_TOO_LONG
            await webhooks.change(conn, webhook_id, _disabled(reason))
            await tell_disabled(conn, webhook_id, reason.value, now)
