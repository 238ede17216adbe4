"""The payload of each kind of intent, as typed values; read from and written to JSON only here.

Called by the flows that write intents (change_drop, close_drop, drop_service, end_holds, checkout/unlock)
and by drive_intents.py, which carries them out. The ledger stores the payload as a JSON object and does not
look inside. Intents of an older release may still be pending when a new one starts: the stored form must
stay readable.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from server.core.ids import ClaimId, CouponId, StudentId
from server.ids import new_id
from server.ledger.intents import Intent, IntentKind


@dataclass(frozen=True, slots=True)
class OpenPayload:
    """Put the drop's first allotment on the desk. `opens_at`: the moment (ms) at which it opens, in place of
    the seconds that its row has."""

    opens_at: int | None = None


@dataclass(frozen=True, slots=True)
class TopUpPayload:
    """Put one more allotment on the desk."""

    allotment_id: str


@dataclass(frozen=True, slots=True)
class ExtendPayload:
    """Move the end of the window by `duration_ms`, if it is still at `expected_closes_at` (ms)."""

    duration_ms: int
    expected_closes_at: int


@dataclass(frozen=True, slots=True)
class ClosePayload:
    """Close the drop because its teacher stopped it. `openings`: which of its openings that was."""

    openings: int = 1


@dataclass(frozen=True, slots=True)
class ReopenPayload:
    """Open the closed drop again, for the time of the number `openings`."""

    openings: int


@dataclass(frozen=True, slots=True)
class ReleasedClaim:
    """A claim whose hold has ended, and its coupon."""

    claim_id: ClaimId
    student: StudentId
    coupon_id: CouponId


@dataclass(frozen=True, slots=True)
class ReleasePayload:
    """Free the units of these claims, and publish that their coupons are lost."""

    claims: tuple[ReleasedClaim, ...]


@dataclass(frozen=True, slots=True)
class MoveHoldPayload:
    """Write the new end of the hold of these coupons to the desk, and publish it."""

    coupon_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MoveWindowPayload:
    """Give the drop on the desk the window that the ledger has: a link was paused, resumed or ends at another
    time."""


@dataclass(frozen=True, slots=True)
class MoveLimitPayload:
    """Give the drop on the desk the limit of its campaign that the ledger has. Written by
    flows/promotions/edit_campaign.py."""


Payload = (
    OpenPayload
    | ReopenPayload
    | TopUpPayload
    | ExtendPayload
    | ClosePayload
    | ReleasePayload
    | MoveHoldPayload
    | MoveWindowPayload
    | MoveLimitPayload
)


def new_intent(drop_id: str, payload: Payload, now: int) -> Intent:
    """Return an intent with a new id. The caller writes it in the transaction that decides the change."""
    kind, stored = _to_json(payload)
    return Intent(new_id("int"), kind, drop_id, now, stored)


def payload_of(intent: Intent) -> Payload:  # noqa: C901, PLR0911 - a case for each kind
    """Return the payload of an intent; KeyError or ValueError where the stored JSON has another form."""
    stored: Mapping[str, Any] = intent.payload
    match intent.kind:
        case IntentKind.OPEN:
            opens_at = stored.get("opens_at")
            return OpenPayload(int(opens_at) if opens_at is not None else None)
        case IntentKind.TOP_UP:
            return TopUpPayload(allotment_id=str(stored["allotment_id"]))
        case IntentKind.EXTEND:
            return ExtendPayload(
                duration_ms=int(stored["ms"]),
                expected_closes_at=int(stored["expected_closes_at"]),
            )
        case IntentKind.CLOSE:
            return ClosePayload(int(stored.get("openings", 1)))
        case IntentKind.REOPEN:
            return ReopenPayload(int(stored["openings"]))
        case IntentKind.RELEASE:
            return ReleasePayload(tuple(ReleasedClaim(*each) for each in stored["claims"]))
        case IntentKind.MOVE_HOLD:
            return MoveHoldPayload(tuple(stored["coupons"]))
        case IntentKind.MOVE_WINDOW:
            return MoveWindowPayload()
        case IntentKind.MOVE_LIMIT:
            return MoveLimitPayload()


def _to_json(  # noqa: C901, PLR0911 - a case for each kind
    payload: Payload,
) -> tuple[IntentKind, Mapping[str, object]]:
    match payload:
        case OpenPayload():
            moment = {} if payload.opens_at is None else {"opens_at": payload.opens_at}
            return IntentKind.OPEN, moment
        case TopUpPayload():
            return IntentKind.TOP_UP, {"allotment_id": payload.allotment_id}
        case ExtendPayload():
            return IntentKind.EXTEND, {
                "ms": payload.duration_ms,
                "expected_closes_at": payload.expected_closes_at,
            }
        case ClosePayload():
            return IntentKind.CLOSE, {"openings": payload.openings}
        case ReopenPayload():
            return IntentKind.REOPEN, {"openings": payload.openings}
        case ReleasePayload():
            claims = [[each.claim_id, each.student, each.coupon_id] for each in payload.claims]
            return IntentKind.RELEASE, {"claims": claims}
        case MoveHoldPayload():
            return IntentKind.MOVE_HOLD, {"coupons": list(payload.coupon_ids)}
        case MoveWindowPayload():
            return IntentKind.MOVE_WINDOW, {}
        case MoveLimitPayload():
            return IntentKind.MOVE_LIMIT, {}
        case _:
            assert_never(payload)
