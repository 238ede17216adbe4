"""Receipts: what seals the claims of a closed drop, and what proves one of them (decision 0051).

Used by flows/drops/seal_drops.py and receipts.py; twin of `client_sdk/*/receipts`, which verifies. Pure.
Every claim that holds a unit when the drop is sealed is one leaf, in the order of units. A leaf hides its
student behind a pseudonym with a salt that nobody else is told. All hashes are SHA-256, as lower-case hex.
"""

import hmac
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from server.core import merkle
from server.core.instants import to_text

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class SealableClaim:
    """A claim as the ledger has it: who took which unit and when, and whether it still has it."""

    claim_id: str
    student: str
    unit: int
    won_at: int
    holds: bool


@dataclass(frozen=True, slots=True)
class SealedClaim:
    """A claim that is a leaf. `turn`: the how-manieth holder of the unit this is; above 1 the unit came
    back and was given again."""

    claim_id: str
    student: str
    unit: int
    turn: int
    won_at: int


@dataclass(frozen=True, slots=True)
class Seal:
    """A drop's seal: `count` leaves of `stock` units under `root`.

    `came_back` claims gave their unit back before; `given_again` of the leaves have a unit that came back.
    `seal` is the hash over all of it, which the room and the event log were told. `previous` is that of the
    close before, where the drop was opened again.
    """

    drop_id: str
    root: str
    count: int
    stock: int
    came_back: int
    given_again: int
    closed_at: int
    sealed_at: int
    seal: str
    previous: str | None = None

    @property
    def public(self) -> dict[str, object]:
        """The fields that everybody is told."""
        fields: dict[str, object] = {
            "root": self.root,
            "count": self.count,
            "stock": self.stock,
            "came_back": self.came_back,
            "given_again": self.given_again,
            "seal": self.seal,
        }
        return fields if self.previous is None else fields | {"previous": self.previous}


def in_order(claims: Iterable[SealableClaim]) -> tuple[list[SealedClaim], int]:
    """Return the claims that hold a unit, in the order of units, and how many others gave theirs back."""
    turns: Counter[int] = Counter()
    sealed = []
    came_back = 0
    for claim in sorted(claims, key=lambda one: (one.unit, one.won_at, one.claim_id)):
        turns[claim.unit] += 1
        if claim.holds:
            sealed.append(
                SealedClaim(
                    claim.claim_id, claim.student, claim.unit, turns[claim.unit], claim.won_at
                )
            )
        else:
            came_back += 1
    return sealed, came_back


def salt_of(key: bytes, claim_id: str) -> str:
    """Return the salt of a claim's pseudonym; `key` is the drop's own and never leaves the server."""
    return hmac.digest(key, claim_id.encode(), "sha256").hex()


def pseudonym(salt: str, student: str) -> str:
    """Return the name under which the student is in the tree."""
    return sha256(f"{salt}|{student}".encode()).hexdigest()


def leaf(drop_id: str, name: str, unit: int, turn: int, won_at: int) -> bytes:
    """Return the leaf hash of a claim; `name` is its student's pseudonym."""
    text = f"{drop_id}|{name}|{unit}|{turn}|{to_text(won_at)}"
    return merkle.leaf_hash(text.encode())


def leaves_of(drop_id: str, key: bytes, claims: Sequence[SealedClaim]) -> list[bytes]:
    """Return the leaf hashes. 10,000 take some 0.1 s: call it in a thread."""
    return [
        leaf(
            drop_id,
            pseudonym(salt_of(key, one.claim_id), one.student),
            one.unit,
            one.turn,
            one.won_at,
        )
        for one in claims
    ]


def seal(  # noqa: PLR0913 - what is sealed, each named by the caller
    *,
    drop_id: str,
    root: bytes,
    count: int,
    stock: int,
    came_back: int,
    given_again: int,
    closed_at: int,
    sealed_at: int,
    previous: str | None = None,
) -> Seal:
    """Return the seal over these figures."""
    figures = (root.hex(), count, stock, came_back, given_again)
    text = "|".join(map(str, (drop_id, *figures, to_text(closed_at), to_text(sealed_at))))
    if previous is not None:
        text += f"|{previous}"
    digest = sha256(text.encode()).hexdigest()
    return Seal(drop_id, *figures, closed_at, sealed_at, digest, previous)


def split(joined: bytes) -> list[bytes]:
    """Return the leaf hashes of the bytes in which the ledger keeps them."""
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]
