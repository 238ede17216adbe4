"""Frames to one student about a claim whose tap has been answered: confirmed, released or revoked.

Used by `feed_follower.py` and `win_recovery.py`. Each function sends one frame to all connections of the
student in this room, and takes the claim off the list of unconfirmed wins.
"""

from typing import Final

from server.core.coupons.coupons import HOLD_ENDED
from server.core.drops.claims import ClaimState
from server.core.ids import DropId, StudentId
from server.desk.claims.claim_record import HeldClaim
from server.desk.feed.feed_messages import Loss
from server.frames import wire
from server.gateway.rooms.room import Room
from server.gateway.sockets.frames import text_frame

# The frame and the reason for a claim that the desk no longer counts.
_LOSSES: Final = {
    ClaimState.REVOKED: ("claim_revoked", "taken_back"),
    ClaimState.RELEASED: ("coupon_released", HOLD_ENDED),
}


def send_confirmed(
    room: Room, student: StudentId, drop_id: DropId, coupon: bytes
) -> HeldClaim | None:
    """Send the coupon's JSON; return the claim where this gateway has sent its `won`."""
    held = room.unconfirmed.pop((drop_id, student), None)
    room.send_to_student(student, text_frame(wire.claim_confirmed(drop_id, coupon)))
    return held


def send_loss(room: Room, loss: Loss) -> None:
    room.unconfirmed.pop((loss.drop_id, loss.student), None)
    frame = wire.claim_lost(loss.frame, loss.drop_id, loss.coupon_id, loss.reason)
    room.send_to_student(loss.student, text_frame(frame))


def send_ended(room: Room, student: StudentId, drop_id: DropId, held: HeldClaim) -> None:
    """`held` is a claim that the desk has as released or revoked."""
    frame, reason = _LOSSES[held.state]
    send_loss(room, Loss(frame, student, drop_id, held.coupon_id, reason))
