"""A seal is compared with the ledger: any difference is named."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from server.core import merkle
from server.core.drops import receipts
from server.core.drops.receipts import Seal, SealableClaim
from server.core.drops.seal_audit import Names, SealEvidence, differences
from server.core.students.erasure import is_pseudonym, pseudonym

KEY = b"k" * 32
CLAIMS = (
    SealableClaim("clm_1", "ann", 1, 10, True),
    SealableClaim("clm_2", "ben", 2, 11, False),
    SealableClaim("clm_3", "cat", 2, 12, True),
)


def evidence() -> SealEvidence:
    """Return a seal whose unit 2 was given twice, beside the ledger that it was made of."""
    held, came_back = receipts.in_order(CLAIMS)
    leaves = receipts.leaves_of("drp_1", KEY, held)
    seal = receipts.seal(
        drop_id="drp_1",
        root=merkle.root(leaves),
        count=2,
        stock=3,
        came_back=came_back,
        given_again=1,
        closed_at=20,
        sealed_at=21,
        previous="ab",
    )
    listed = [(one.claim_id, one.turn) for one in held]
    claims = {one.claim_id: one for one in CLAIMS}
    return SealEvidence(seal, KEY, leaves, listed, claims, before="ab", is_last=True)


def said(of: SealEvidence, **former: str) -> str:
    names = Names(lambda student: former.get(student, "").split(), is_pseudonym)
    return "; ".join(differences(of, names))


def with_claim(of: SealEvidence, claim_id: str, **change: object) -> SealEvidence:
    changed = replace(of.claims[claim_id], **change)  # type: ignore[arg-type]
    return replace(of, claims={**of.claims, claim_id: changed})


def with_seal(of: SealEvidence, change: Callable[[Seal], Seal]) -> SealEvidence:
    return replace(of, seal=change(of.seal))


def test_a_seal_agrees_with_the_ledger_that_it_was_made_of() -> None:
    assert said(evidence()) == ""
    assert said(with_claim(evidence(), "clm_1", holds=False)) == ""


@pytest.mark.parametrize("change", [{"unit": 3}, {"won_at": 13}, {"student": "eve"}])
def test_a_claim_that_was_changed_is_named(change: dict[str, object]) -> None:
    told = said(with_claim(evidence(), "clm_3", **change))
    assert told == "claim clm_3 is another one than was sealed"


def test_a_claim_that_is_gone_or_new_is_named() -> None:
    of = evidence()
    gone = replace(of, claims={"clm_1": CLAIMS[0], "clm_2": CLAIMS[1]})
    assert said(gone) == "claim clm_3 is in it, and not in the ledger"
    new = {"clm_4": SealableClaim("clm_4", "dan", 3, 14, True)}
    added = replace(of, claims={**of.claims, **new})
    assert said(added) == "1 claims hold a unit and are not in it"
    assert said(replace(added, is_last=False)) == ""


def test_a_claim_that_came_back_is_counted() -> None:
    of = replace(evidence(), claims={"clm_1": CLAIMS[0], "clm_3": CLAIMS[2]})
    assert said(of) == "it says that 1 units came back, and the ledger says 0"


def test_a_merged_account_is_known_by_its_former_name_and_an_erased_one_is_not_looked_at() -> None:
    merged = with_claim(evidence(), "clm_1", student="ann2")
    assert said(merged, ann2="other ann") == ""
    assert "clm_1" in said(merged, ann2="other")
    assert said(with_claim(evidence(), "clm_1", student=pseudonym("x"))) == ""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda seal: replace(seal, stock=4), "its hash is not that of its figures"),
        (lambda seal: replace(seal, previous="cd"), "it does not name the seal before it"),
        (lambda seal: replace(seal, root="00" * 32), "its leaves do not give its root"),
        (lambda seal: replace(seal, count=1), "it counts 1 claims, and lists 2"),
        (lambda seal: replace(seal, given_again=0), "given again"),
    ],
)
def test_figures_that_do_not_follow_are_named(change: Callable[[Seal], Seal], told: str) -> None:
    assert told in said(with_seal(evidence(), change))
