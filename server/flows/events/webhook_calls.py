"""The calls of webhooks: their bodies, and Standard Webhooks' headers.

Used by deliver_webhook.py and by the test call of webhooks.py. Sends nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from standardwebhooks import Webhook as Signer

from server.core import instants
from server.core.events.webhooks import Webhook
from server.flows.events.event_pages import event_json
from server.ledger.event_log import NumberedEvent


@dataclass(frozen=True, slots=True)
class Call:
    """One signed call."""

    headers: Mapping[str, str]
    body: bytes


def call_of(webhook: Webhook, events: Sequence[NumberedEvent], now: int) -> Call:
    """Return the call for these events. Its id is that of its only event, or names the range, so that a
    repetition has the same."""
    if webhook.batch:
        first, last = events[0].seq, events[-1].seq
        data: dict[str, object] = {"events": [event_json(each) for each in events]}
        body = {"type": "batch", "timestamp": instants.to_text(now), "data": data}
        return signed(webhook, f"{webhook.id}_{first}_{last}", body, now)
    (event,) = events
    body = {
        "type": event.type,
        "timestamp": instants.to_text(event.at),
        "data": _data_of(event),
    }
    return signed(webhook, event.id, body, now)


def _data_of(event: NumberedEvent) -> dict[str, object]:
    own = {"seq": event.seq, "id": event.id, "subject": event.subject}
    return {**orjson.loads(event.data), **own}


def signed(webhook: Webhook, call_id: str, body: Mapping[str, object], now: int) -> Call:
    """Return the call with Standard Webhooks' headers, signed by each secret that is good now."""
    text = orjson.dumps(body)
    at = datetime.fromtimestamp(now // 1000, UTC)
    signatures = [
        Signer(secret).sign(call_id, at, text.decode()) for secret in webhook.secrets(now)
    ]
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Classdrop-Webhooks",
        "webhook-id": call_id,
        "webhook-timestamp": str(now // 1000),
        "webhook-signature": " ".join(signatures),
    }
    return Call(headers, text)
