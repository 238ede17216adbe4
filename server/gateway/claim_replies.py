"""Replies to claims as finished frames.

Called by `taps.py`. Nine thousand of ten thousand replies differ only in the request id, so the bytes before
and behind it are made once for each drop and outcome.
"""

from functools import lru_cache

from server import wire
from server.core.drops.claims import Outcome
from server.desk.claim_desk import ClaimAnswer
from server.desk.claim_record import HeldClaim
from server.gateway.sockets.frames import text_frame

_REQUEST_ID = b'"request_id":"'  # the first field after the type


def claim_result(drop_id: str, request_id: str, answer: ClaimAnswer) -> bytes:
    """Return the reply to one claim. `wire.parse` has checked the characters of `request_id`: none of them
    needs to be escaped in JSON."""
    before, behind = _around(
        drop_id, answer.outcome, answer.retry_after_ms, answer.limit, len(request_id)
    )
    return before + request_id.encode() + behind


def claim_confirmed(drop_id: str, held: HeldClaim) -> bytes:
    return text_frame(wire.claim_confirmed(drop_id, held.coupon))


@lru_cache(maxsize=1_024)
def _around(
    drop_id: str, outcome: Outcome, retry_after_ms: int | None, limit: str | None, length: int
) -> tuple[bytes, bytes]:
    """Return the bytes before and behind a request id of `length` characters."""
    fields = wire.claim_fields("r" * length, drop_id, outcome, retry_after_ms, limit)
    before, name, behind = text_frame(wire.claim_result(fields)).partition(_REQUEST_ID)
    return before + name, behind[length:]
