"""Draft the coupons of one piece of an issuance: their ids, codes, windows and events.

Called by prepare_piece.py, before the transaction that inserts them (issue_piece.py): a fifth of a piece's
time is spent here, and the database works on the piece before meanwhile. A draft that is not inserted has
taken nothing.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import compress
from typing import NamedTuple

from server.core.event_types import Event
from server.core.ids import Slot, StudentId
from server.desk.claims.caps import CapName
from server.flows.coupons.issuing.issue_records import confirmed_event
from server.flows.coupons.issuing.issue_slots import PieceSlots
from server.flows.coupons.issuing.read_piece import Piece
from server.flows.coupons.new_coupons import Given, issued_coupons
from server.ledger.coupons.coupons import IssuedCoupon


class Drafts(NamedTuple):
    """The coupons of one batch, their slots in a limited campaign (None where it has no limit), and the event
    of each, in the same order.
    """

    taken: PieceSlots
    coupons: Sequence[IssuedCoupon]
    campaign_slots: Sequence[Slot | None]
    events: Sequence[Event]

    def of(self, students: Collection[StudentId]) -> "Drafts":
        """Return the drafts of these students alone."""
        is_among = [one.student in students for one in self.coupons]
        if all(is_among):
            return self
        return Drafts(
            self.taken,
            [*compress(self.coupons, is_among)],
            [*compress(self.campaign_slots, is_among)],
            [*compress(self.events, is_among)],
        )


def draft(piece: Piece, taken: Sequence[PieceSlots]) -> list[Drafts]:
    """Return the drafts of all students of the piece who have slots, batch by batch."""
    limited = limited_among(taken)
    students = [one for one in piece.grants if one not in limited]
    parts: Counter[StudentId] = Counter()  # of a pack
    return [_of_batch(piece, one, students, parts) for one in taken]


def limited_among(taken: Sequence[PieceSlots]) -> set[StudentId]:
    """Return the students who have too few slots left of one of the batches."""
    return {student for one in taken for student in one.limited}


def _of_batch(
    piece: Piece, taken: PieceSlots, students: Sequence[StudentId], parts: Counter[StudentId]
) -> Drafts:
    given: list[Given] = []
    campaign_slots: list[Slot | None] = []
    for student in students:
        slots = taken.slots.get(student, {})
        in_campaign = slots.get(CapName.CAMPAIGN, ())
        for number, slot in enumerate(slots.get(CapName.BATCH, ())):
            parts[student] += 1
            given.append(Given(student, slot, parts[student]))
            campaign_slots.append(in_campaign[number] if in_campaign else None)
    template = piece.facts[taken.batch.id].template
    coupons = issued_coupons(piece.issuance, taken.batch, template, given, piece.now)
    events = [confirmed_event(one, piece.now) for one in coupons]
    return Drafts(taken, coupons, campaign_slots, events)
