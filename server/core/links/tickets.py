"""Tickets: what the changing QR code on the screen of a class says, and how long it is good.

Used by the API: it makes one for the screen, and reads the one that a student brings. A ticket lets a student
whose token lacks the room claim of one drop. It names the drop and the turn in which it was made, and is
signed; nothing is stored. A new one is shown every TURN_MS, and each is good for GOOD_MS from the beginning
of its turn, so a photo that is sent on is worth nothing a minute later. The clock is an argument.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from server.core.ids import DropId
from server.core.refusals import Code, Refused

TURN_MS: Final = 20_000
GOOD_MS: Final = 60_000
# Another process may be ahead of this one: its ticket is from a turn that has not begun here.
CLOCKS_APART_MS: Final = 5_000
PURPOSE: Final = "qr ticket"  # of the keys; see TokenKeys.derive
MAX_TICKET: Final = 64
_MAC_BYTES: Final = 6  # 48 bits, guessed at some requests a second for a minute
_FORM: Final = re.compile(r"([A-Za-z0-9_]{1,40})\.([0-9]{1,10})\.([A-Za-z0-9_-]{8})")


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as it was made or read. Instants in ms: `changes_at` is when the screen gets the next one; it
    is good while now is below `good_until`."""

    text: str
    drop_id: DropId
    changes_at: int
    good_until: int

    def is_over(self, now: int) -> bool:
        return now >= self.good_until


def make_ticket(key: bytes, drop_id: DropId, now: int) -> Ticket:
    """Return the ticket of this moment. It is the same during a turn."""
    return _ticket(key, drop_id, now // TURN_MS)


def read_ticket(keys: Sequence[bytes], text: str, now: int) -> Ticket | Refused:
    """Return the ticket, which may be over; ticket_invalid for one that was not made here."""
    found = _FORM.fullmatch(text)
    if found is None:
        return Refused(Code.TICKET_INVALID)
    drop_id, turn = DropId(found[1]), int(found[2])
    for key in keys:
        ticket = _ticket(key, drop_id, turn)
        if hmac.compare_digest(ticket.text, text):
            is_early = turn * TURN_MS > now + CLOCKS_APART_MS
            return Refused(Code.TICKET_INVALID) if is_early else ticket
    return Refused(Code.TICKET_INVALID)


def _ticket(key: bytes, drop_id: DropId, turn: int) -> Ticket:
    signed = f"{drop_id}.{turn}"
    mac = hmac.digest(key, signed.encode(), "sha256")[:_MAC_BYTES]
    begins_at = turn * TURN_MS
    return Ticket(
        text=f"{signed}.{urlsafe_b64encode(mac).decode()}",
        drop_id=drop_id,
        changes_at=begins_at + TURN_MS,
        good_until=begins_at + GOOD_MS,
    )
