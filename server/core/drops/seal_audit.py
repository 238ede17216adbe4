"""Rule that compares a seal with the ledger.

Called by flows/consistency/checks/seal_checks.py (`doctor`). Pure.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from server.core import merkle
from server.core.drops import receipts
from server.core.drops.receipts import Seal, SealableClaim


class Names(NamedTuple):
    """Facts of a student's name: the accounts that were merged into it, and whether it is that of an
    erased one."""

    former: Callable[[str], Iterable[str]]
    is_erased: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class SealEvidence:
    """A seal with all that it can be compared with.

    `leaves` and `listed` (claim id, turn) are kept with the seal, in their order. `claims` are those of the
    drop now, without revoked ones. `before` is the hash of the seal before it. `is_last`: the drop is as this
    seal found it, closed and not waiting for another one.
    """

    seal: Seal
    key: bytes
    leaves: Sequence[bytes]
    listed: Sequence[tuple[str, int]]
    claims: Mapping[str, SealableClaim]
    before: str | None
    is_last: bool


def differences(of: SealEvidence, names: Names) -> list[str]:
    """Return what differs, in words. 10,000 claims take some 0.1 s: call it in a thread.

    A claim whose student was erased cannot be computed again, and is not looked at.
    """
    found = [*_of_figures(of), *_of_claims(of, names)]
    return [*found, *_of_others(of)] if of.is_last else found


def _of_figures(of: SealEvidence) -> Iterator[str]:
    seal = of.seal
    again = receipts.seal(
        drop_id=seal.drop_id,
        root=bytes.fromhex(seal.root),
        count=seal.count,
        stock=seal.stock,
        came_back=seal.came_back,
        given_again=seal.given_again,
        closed_at=seal.closed_at,
        sealed_at=seal.sealed_at,
        previous=seal.previous,
    )
    if again.seal != seal.seal:
        yield "its hash is not that of its figures"
    if seal.previous != of.before:
        yield "it does not name the seal before it"
    if merkle.root(of.leaves).hex() != seal.root:
        yield "its leaves do not give its root"
    if not seal.count == len(of.leaves) == len(of.listed):
        yield f"it counts {seal.count} claims, and lists {len(of.listed)}"
    if sum(turn > 1 for _, turn in of.listed) != seal.given_again:
        yield "it counts another number of units that were given again than it lists"


def _of_claims(of: SealEvidence, names: Names) -> Iterator[str]:
    for (claim_id, turn), leaf in zip(of.listed, of.leaves, strict=False):
        claim = of.claims.get(claim_id)
        if claim is None:
            yield f"claim {claim_id} is in it, and not in the ledger"
            continue
        if names.is_erased(claim.student) or _leaf(of, claim, claim.student, turn) == leaf:
            continue
        if all(_leaf(of, claim, name, turn) != leaf for name in names.former(claim.student)):
            yield f"claim {claim_id} is another one than was sealed"


def _leaf(of: SealEvidence, claim: SealableClaim, student: str, turn: int) -> bytes:
    name = receipts.pseudonym(receipts.salt_of(of.key, claim.claim_id), student)
    return receipts.leaf(of.seal.drop_id, name, claim.unit, turn, claim.won_at)


def _of_others(of: SealEvidence) -> Iterator[str]:
    listed = {claim_id for claim_id, _ in of.listed}
    others = [claim for claim in of.claims.values() if claim.claim_id not in listed]
    missing = sum(claim.holds for claim in others)
    if missing:
        yield f"{missing} claims hold a unit and are not in it"
    came_back = len(others) - missing
    if came_back != of.seal.came_back:
        yield f"it says that {of.seal.came_back} units came back, and the ledger says {came_back}"
