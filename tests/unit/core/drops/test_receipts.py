"""The order of leaves, and what is in them."""

from typing import Any

from server.core.drops import receipts
from server.core.drops.receipts import SealableClaim


def test_leaves_are_in_the_order_of_units_and_count_the_turns() -> None:
    claims = [
        SealableClaim("clm_3", "cat", 1, 9, True),
        SealableClaim("clm_2", "ben", 2, 2, True),
        SealableClaim("clm_1", "ann", 1, 1, False),
    ]
    ordered, came_back = receipts.in_order(claims)
    assert [(one.claim_id, one.unit, one.turn) for one in ordered] == [
        ("clm_3", 1, 2),
        ("clm_2", 2, 1),
    ]
    assert came_back == 1


def test_the_key_of_the_drop_hides_who_is_in_a_leaf() -> None:
    claims, _ = receipts.in_order([SealableClaim("clm_1", "ann", 1, 1, True)])
    one, other = (receipts.leaves_of("drp_1", key, claims) for key in (b"a" * 32, b"b" * 32))
    assert one != other
    assert receipts.split(b"".join(one + other)) == one + other


def test_a_seal_changes_with_every_figure() -> None:
    figures: dict[str, Any] = {
        "count": 1,
        "stock": 2,
        "came_back": 0,
        "given_again": 0,
        "closed_at": 3,
        "sealed_at": 4,
    }
    usual = receipts.seal(drop_id="d", root=b"r", **figures)
    for name in figures:
        other = receipts.seal(drop_id="d", root=b"r", **{**figures, name: 7})
        assert other.seal != usual.seal
    assert set(usual.public) == {"root", "count", "stock", "came_back", "given_again", "seal"}
    later = receipts.seal(drop_id="d", root=b"r", previous=usual.seal, **figures)
    assert later.seal != usual.seal
    assert later.public["previous"] == usual.seal
