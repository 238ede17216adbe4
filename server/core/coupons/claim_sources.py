"""Sources of a claim: a room's drop, a link, or a QR code; and the names by which they are told apart.

Used by flows and API. A link is a drop without a room: its drop lies in a room whose name no token can have,
`@` and the link's id. A claim that a QR ticket let in has a mark before its request id, which no client can
send. So claim script, outbox, rebuild and ledger carry both without knowing them.
"""

from enum import StrEnum
from typing import Final

from server.core.room_names import LINK_MARK

QR_MARK: Final = "~"  # no request id has it (client_frames.py, api/http/fields.py)
MAX_REQUEST_BEHIND_MARK: Final = 63  # a request id has 64 characters at most


class ClaimSource(StrEnum):
    """The source of a coupon that was claimed; `coupons.source` and the events have it."""

    CLAIM = "claim"
    LINK = "link"
    QR = "qr"


CLAIM_SOURCES: Final = tuple(source.value for source in ClaimSource)


def link_room(link_id: str) -> str:
    """Return the room of the link's drop."""
    return LINK_MARK + link_id


def link_of(room: str) -> str | None:
    """Return the id of the link whose drop lies in this room; None for a class."""
    return room[1:] if room.startswith(LINK_MARK) else None


def source_of(room: str, request_id: str) -> str:
    """Return the source of a claim, in the words of ClaimSource."""
    if request_id.startswith(QR_MARK):
        return ClaimSource.QR
    return ClaimSource.LINK if room.startswith(LINK_MARK) else ClaimSource.CLAIM
