"""Both SDKs take what the `standardwebhooks` library signs, and nothing else."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Signer

from client_sdk.python.webhooks import WebhookError, events_of, verify_webhook

JAVASCRIPT = Path(__file__).parents[2] / "client_sdk" / "javascript"
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = 1_772_355_600
EVENT = {"seq": 7, "id": "evt_1", "subject": "cpn_1", "student": "安", "state": "usable"}
BODY = json.dumps(
    {"type": "coupon.confirmed", "timestamp": "2026-03-01T09:00:00.000Z", "data": EVENT},
    ensure_ascii=False,
)


def headers(*secrets: str, body: str = BODY, at: int = NOW) -> dict[str, str]:
    moment = datetime.fromtimestamp(at, UTC)
    signatures = [Signer(secret).sign("evt_1", moment, body) for secret in secrets]
    return {
        "Webhook-Id": "evt_1",
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(signatures),
    }


GOOD = {
    "one signature": headers(SECRET),
    "one of two, while a secret is changed": headers(OTHER, SECRET),
    "another version beside it": {
        **headers(SECRET),
        "webhook-signature": f"v1a,abc= {headers(SECRET)['webhook-signature']}",
    },
    "five minutes old": headers(SECRET, at=NOW - 300),
}
BAD = {
    "another secret": headers(OTHER),
    "another body": headers(SECRET, body="{}"),
    "another id": {**headers(SECRET), "Webhook-Id": "evt_2"},
    "too old": headers(SECRET, at=NOW - 301),
    "too new": headers(SECRET, at=NOW + 301),
    "no time": {**headers(SECRET), "webhook-timestamp": ""},
    "no signature": {**headers(SECRET), "webhook-signature": ""},
    "a text for a signature": {**headers(SECRET), "webhook-signature": "v1,…"},
    "another version only": {**headers(SECRET), "webhook-signature": "v2,abc="},
}


@pytest.mark.parametrize("sent", GOOD.values(), ids=GOOD)
def test_python_takes(sent: dict[str, str]) -> None:
    found = verify_webhook(SECRET, sent, BODY.encode(), now=NOW)
    assert events_of(found) == [
        {
            "seq": 7,
            "id": "evt_1",
            "type": "coupon.confirmed",
            "at": "2026-03-01T09:00:00.000Z",
            "subject": "cpn_1",
            "data": {"student": "安", "state": "usable"},
        }
    ]


@pytest.mark.parametrize("sent", BAD.values(), ids=BAD)
def test_python_refuses(sent: dict[str, str]) -> None:
    with pytest.raises(WebhookError):
        verify_webhook(SECRET, sent, BODY.encode(), now=NOW)


def test_python_refuses_what_is_no_object() -> None:
    with pytest.raises(WebhookError):
        verify_webhook(SECRET, headers(SECRET, body="[]"), b"[]", now=NOW)


def test_javascript_does_the_same() -> None:
    cases = [{"headers": sent, "body": BODY} for sent in (*GOOD.values(), *BAD.values())]
    cases.append({"headers": headers(SECRET, body="[]"), "body": "[]"})
    found = _in_javascript(cases)

    taken = verify_webhook(SECRET, headers(SECRET), BODY.encode(), now=NOW)
    assert found[: len(GOOD)] == [events_of(taken)] * len(GOOD)
    assert found[len(GOOD) :] == ["WebhookError"] * (len(BAD) + 1)


def test_both_read_a_batch_and_the_test_call() -> None:
    batch: dict[str, Any] = {"type": "batch", "timestamp": "x", "data": {"events": [{"seq": 1}]}}
    tested: dict[str, Any] = {"type": "webhook.tested", "timestamp": "x", "data": {"subject": "w"}}
    bodies = [json.dumps(each) for each in (batch, tested)]
    found = _in_javascript(
        [{"headers": headers(SECRET, body=body), "body": body} for body in bodies]
    )
    assert found == [events_of(batch), events_of(tested)] == [[{"seq": 1}], []]


def _in_javascript(cases: list[dict[str, Any]]) -> list[Any]:
    script = f"""
        const {{ eventsOf, verifyWebhook }} = await import("./webhooks.js");
        const results = [];
        for (const {{ headers, body }} of {json.dumps(cases)}) {{
          results.push(await verifyWebhook({SECRET!r}, headers, body, {NOW}).then(eventsOf, (e) => e.name));
        }}
        console.log(JSON.stringify(results));
    """
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", script],
        cwd=JAVASCRIPT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found
