"""Replies to claims as finished frames.

Called by `taps.py`. Nine thousand of ten thousand replies differ only in the request id, so the bytes before
and behind it are made once for each drop and outcome.
"""

from functools import lru_cache
from typing import Final

from server.core.drops.claims import Outcome
from server.core.drops.why import Why
from server.desk.claims.claim_answers import ClaimAnswer
from server.desk.claims.claim_record import HeldClaim
from server.frames import wire
from server.gateway.sockets.frames import text_frame

_REQUEST_ID = b'"request_id":"'  # the first field after the type
_MOST_DIGITS = 32  # more than a number of taps has
_END = b"}}"  # behind the number of a tap, the last field of `why`, which is the last of a reply


class _LastReply:
    """The parts of the last reply. In a storm the next one has the same answer: that needs no hash."""

    __slots__ = ("answer", "drop_id", "lengths", "parts")

    def __init__(self) -> None:
        self.answer: ClaimAnswer | None = None
        self.drop_id = ""
        self.lengths = 0
        self.parts = (b"", b"", b"")


_LAST: Final = _LastReply()


def claim_result(drop_id: str, request_id: str, answer: ClaimAnswer, tap: int = 0) -> bytes:
    """Return the reply to one claim. `client_frames.parse` has checked the characters of
    `request_id`: none of them needs to be escaped in JSON. `tap` is the number of the tap, for a refusal that
    tells it."""
    if answer.entry is not None:  # each has a receipt of its own
        fields = wire.entry_fields(request_id, drop_id, answer.entry)
        return text_frame(wire.claim_result(fields))
    number = b"%d" % tap
    lengths = len(request_id) * _MOST_DIGITS + len(number)
    last = _LAST
    if last.answer is not answer or last.lengths != lengths or last.drop_id != drop_id:
        of = (answer.outcome, answer.retry_after_ms, answer.limit, answer.why)
        last.parts = _around(drop_id, *of, lengths)
        last.answer, last.lengths, last.drop_id = answer, lengths, drop_id
    before, behind, end = last.parts
    if not end:
        return before + request_id.encode() + behind
    return before + request_id.encode() + behind + number + end


def claim_confirmed(drop_id: str, held: HeldClaim) -> bytes:
    return text_frame(wire.claim_confirmed(drop_id, held.coupon))


@lru_cache(maxsize=1_024)
def _around(
    drop_id: str,
    outcome: Outcome,
    retry_after_ms: int | None,
    limit: str | None,
    why: Why | None,
    lengths: int,
) -> tuple[bytes, bytes, bytes]:
    """Return the bytes before and behind a request id and, where the reply tells the tap's number, those
    behind that. `lengths`: the characters of the request id, times _MOST_DIGITS, and the digits of the
    number: one number, because it is a part of the key ten thousand times."""
    length, digits = divmod(lengths, _MOST_DIGITS)
    told = None if why is None else why.told(10 ** (digits - 1))
    fields = wire.claim_fields("r" * length, drop_id, outcome, retry_after_ms, limit, told)
    before, name, behind = text_frame(wire.claim_result(fields)).partition(_REQUEST_ID)
    behind = behind[length:]
    if why is None or not why.is_counted:
        return before + name, behind, b""
    at = len(behind) - len(_END) - digits
    return before + name, behind[:at], _END
