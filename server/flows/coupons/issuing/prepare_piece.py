"""Prepare one piece of an issuance: read what is known of its students, take their slots on the desk, and
draft their coupons.

Called by drive_issuances.py, for the piece that follows while the one before is written: half of a piece's
time is spent here, and another process works then. Steps 1 and 2 of issue_piece.py, which says what is looked
at. What is prepared may be dropped: whoever drives the issuance next takes the same slots again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from server.core.coupons.issuances import Grants, Issuance
from server.core.ids import StudentId
from server.desk import DeskReplacedError
from server.desk.drops.drop_desk import DropDesk
from server.flows.coupons.issuing import issue_slots
from server.flows.coupons.issuing.draft_coupons import Drafts, draft
from server.flows.coupons.issuing.issue import Lease
from server.flows.coupons.issuing.issue_slots import PieceSlots, issuing_of, take_slots
from server.flows.coupons.issuing.read_piece import Piece, read_piece
from server.ledger.audiences.rules import Moment
from server.ledger.coupons import issuance_items
from server.ledger.engine import Ledger

AT_ONCE: Final = 1_000  # students in one transaction


@dataclass(frozen=True, slots=True)
class PreparedPiece:
    """A piece with its drafts, None where its slots could not be taken, because the desk was rebuilt
    meanwhile. `last` is the piece's last student, None where no other is behind it.
    """

    piece: Piece
    drafts: list[Drafts] | None
    last: StudentId | None


async def prepare_piece(
    ledger: Ledger,
    desk: DropDesk,
    issuance: Issuance,
    lease: Lease,
    moment: Moment,
    after: str = "",
) -> PreparedPiece | None:
    """Return the piece of the next pending students behind `after`; None where there is none.

    Repeatable. DeskUnavailableError and LedgerUnavailableError: slots may be taken, and stay it.
    """
    async with ledger.read() as conn:
        students = await issuance_items.pending(conn, issuance.id, AT_ONCE, after)
        if not students:
            return None
        piece = await read_piece(conn, issuance, students, lease, moment)
    last = students[-1] if len(students) == AT_ONCE else None
    taken = list[PieceSlots]()
    try:
        await take_all(ledger, desk, piece, taken, reads_ledger=False)
    except DeskReplacedError:
        await give_all_back(desk, taken, piece.grants)
        return PreparedPiece(piece, None, last)
    return PreparedPiece(piece, draft(piece, taken), last)


async def take_all(
    ledger: Ledger, desk: DropDesk, piece: Piece, taken: list[PieceSlots], *, reads_ledger: bool
) -> None:
    """Take the slots of each batch, and append them to `taken`, also if a later batch fails.

    `reads_ledger`: let the desk also count what the ledger knows. DeskReplacedError: the desk was rebuilt
    between two batches.
    """
    for batch_id, fact in piece.facts.items():
        wanted = {
            student: count
            for student, batches in piece.grants.items()
            if (count := batches.count(batch_id))
        }
        of = issuing_of(piece.issuance.id, fact.batch)
        taken.append(PieceSlots(fact.batch, of))
        if wanted:
            taken[-1] = await take_slots(
                ledger, desk, of, fact.batch, wanted, reads_ledger=reads_ledger
            )


async def give_all_back(desk: DropDesk, taken: Sequence[PieceSlots], grants: Grants) -> None:
    """Give back the slots of all students of a piece. Repeatable."""
    for one in taken:
        await issue_slots.give_back(desk, one, list(grants))
