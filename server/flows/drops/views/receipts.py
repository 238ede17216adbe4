"""Show a drop's receipt: its seal, and the path of one student's own claim.

Called by the API. A seal never changes, so a process keeps those that were asked for last, with their trees:
when a drop is sealed, all who won may ask within a second, and nothing is hashed again.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from server.core import merkle
from server.core.drops import receipts, why
from server.core.drops.receipts import Seal
from server.core.drops.why import Why
from server.core.instants import to_text
from server.ledger.drops import claims, seals
from server.ledger.drops.claims import ClaimRow
from server.ledger.drops.seals import StoredSeal
from server.ledger.engine import Ledger
from server.single_flight import SingleFlight

_KEPT = 8  # seals; one of 100,000 claims takes some 40 MB


@dataclass(frozen=True, slots=True)
class Sealed:
    """A seal with its tree and the place and turn of each claim."""

    stored: StoredSeal
    leaves: list[bytes]
    tree: merkle.Tree
    places: dict[str, tuple[int, int]]
    last_at: int | None

    @property
    def seal(self) -> Seal:
        return self.stored.seal


class Receipts:
    """The receipts of one process; keeps the last _KEPT seals that were asked for."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], Sealed] = OrderedDict()
        self._reads: SingleFlight[tuple[str, int], Sealed | None] = SingleFlight()

    async def find(self, ledger: Ledger, drop_id: str, seal: str | None = None) -> Sealed | None:
        """Return the drop's last seal, or the one with this hash; None where there is none.

        LedgerUnavailableError is passed on.
        """
        async with ledger.read() as conn:
            if seal is None:
                number = await seals.last_number(conn, drop_id)
            else:
                number = await seals.number_of(conn, drop_id, seal)
        if number is None:
            return None
        key = (drop_id, number)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        found = await self._reads.run(key, lambda: _read(ledger, drop_id, number))
        if found is not None:
            self._kept[key] = found
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found


async def _read(ledger: Ledger, drop_id: str, number: int) -> Sealed | None:
    async with ledger.read() as conn:
        stored = await seals.find(conn, drop_id, number)
        last_at = await seals.last_won_at(conn, drop_id)
    return None if stored is None else await asyncio.to_thread(_with_tree, stored, last_at)


def _with_tree(stored: StoredSeal, last_at: int | None) -> Sealed:
    leaves = receipts.split(stored.leaves)
    places = {claim_id: (at, turn) for at, (claim_id, turn) in enumerate(stored.claims)}
    return Sealed(stored, leaves, merkle.Tree(leaves), places, last_at)


def document(sealed: Sealed) -> dict[str, object]:
    """Return what everybody of the room may read of the seal."""
    seal = sealed.seal
    return {
        "drop_id": seal.drop_id,
        **seal.public,
        "closed_at": to_text(seal.closed_at),
        "sealed_at": to_text(seal.sealed_at),
    }


async def own(ledger: Ledger, sealed: Sealed, student: str) -> dict[str, object] | None:
    """Return the student's own leaf with its parts and its path; None where they hold no sealed claim.

    The account may have been merged since: its leaf still names the account that claimed, so `student` and
    `salt` are left out, and the path alone proves that the claim is in the tree.
    """
    async with ledger.read() as conn:
        claim = await claims.of_student(conn, sealed.seal.drop_id, student)
    place = sealed.places.get(claim.id) if claim is not None else None
    if claim is None or place is None:
        return None
    index, turn = place
    fields = _parts(sealed, claim, student, index, turn)
    return {**fields, "index": index, "path": [one.hex() for one in sealed.tree.path(index)]}


async def why_none(ledger: Ledger, sealed: Sealed, student: str, outside: Why | None) -> Why:
    """Return why the student has no claim in the list, whenever it is asked for.

    `outside`: the drop is not for this student, and why.
    """
    async with ledger.read() as conn:
        claim = await claims.of_student(conn, sealed.seal.drop_id, student)
    if claim is not None:
        return why.HOLD_ENDED
    if outside is not None:
        return outside
    seal = sealed.seal
    return why.none_in_list(seal.stock, seal.count, sealed.last_at, seal.closed_at)


def _parts(
    sealed: Sealed, claim: ClaimRow, student: str, index: int, turn: int
) -> dict[str, object]:
    salt = receipts.salt_of(sealed.stored.key, claim.id)
    name = receipts.pseudonym(salt, student)
    leaf = receipts.leaf(sealed.seal.drop_id, name, claim.unit, turn, claim.won_at)
    fields: dict[str, object] = {
        "unit": claim.unit,
        "turn": turn,
        "won_at": to_text(claim.won_at),
        "leaf": sealed.leaves[index].hex(),
    }
    if leaf == sealed.leaves[index]:
        fields |= {"student": student, "salt": salt}
    return fields
