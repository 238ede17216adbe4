"""Check that a webhook's call is Classdrop's: the signature of Standard Webhooks, and its age.

Called by the school's receiver with the bytes of the body as they came, before they are parsed. Needs nothing
but the standard library, and is imported by itself: no page needs it. Twin of `javascript/webhooks.js`.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any, Final

TOLERANCE_S: Final = (
    300  # older or newer calls are refused: somebody may have kept one and sends it again
)


class WebhookError(Exception):
    """The call is not Classdrop's, or too old. Answer 400 and do nothing else with it."""


def verify_webhook(
    secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None
) -> dict[str, Any]:
    """Return the JSON of a call whose signature is good; raise WebhookError for any other.

    `secret` is what `POST /v1/webhooks` returned (`whsec_…`). `now`: seconds since 1970, by default the
    clock's. The same call may come twice: `webhook-id` is then the same, and so is each event's `id`.
    """
    given = {name.lower(): value for name, value in headers.items()}
    call_id, sent = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not sent.isdecimal() or abs((time.time() if now is None else now) - int(sent)) > TOLERANCE_S:
        raise WebhookError("its time is missing, or too far from ours")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = hmac.digest(key, f"{call_id}.{sent}.".encode() + body, hashlib.sha256)
    wanted = b"v1," + base64.b64encode(expected)
    # After a rotation there are two signatures, with a space between.
    signatures = given.get("webhook-signature", "").encode().split()
    if not any(hmac.compare_digest(wanted, each) for each in signatures):
        raise WebhookError("its signature is not good")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise WebhookError("its body is no JSON object")
    return found


def events_of(call: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the events of a call, in order, as GET /v1/events shows them; a call without `batch` has one.

    The test call has none.
    """
    data: dict[str, Any] = call["data"]
    if call["type"] == "batch":
        return list(data["events"])
    if "seq" not in data:
        return []
    facts = {name: value for name, value in data.items() if name not in ("seq", "id", "subject")}
    event = {name: data[name] for name in ("seq", "id", "subject")}
    return [{**event, "type": call["type"], "at": call["timestamp"], "data": facts}]
