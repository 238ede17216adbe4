"""A pack: which coupons a student gets together, and what is wrong with one."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from server.core.coupons.packs import (
    MAX_COUPONS,
    Known,
    Pack,
    PackItem,
    PackPreview,
    Variant,
    pack_violations,
    preview_of,
)
from server.core.ids import BatchId
from server.core.violations import Violation
from tests.unit.core.drops.test_drop_rules import a_batch

ONE, TWO = BatchId("bat_1"), BatchId("bat_2")
BATCHES = {
    ONE: replace(a_batch(), id=ONE, per_student=2),
    TWO: replace(a_batch(), id=TWO, per_student=30),
}


def a_pack(items: Sequence[PackItem] = (), variants: Sequence[Variant] = ()) -> Pack:
    return Pack(
        id="pck_1",
        name="Welcome",
        items=tuple(items),
        variants=tuple(variants),
        created_by="olga",
        created_at=1,
    )


def test_a_grant_names_a_batch_as_often_as_its_count_says() -> None:
    pack = a_pack([PackItem(ONE, 2), PackItem(TWO, 1)])
    assert (pack.grant, pack.batches) == ((ONE, ONE, TWO), (ONE, TWO))


VIP = {"all": [{"fact": "tag", "op": "=", "value": "vip"}]}


@pytest.mark.parametrize(
    ("pack", "wrong"),
    [
        (a_pack([PackItem(ONE, 2), PackItem(TWO, 1)]), []),
        (a_pack([PackItem(ONE, 3)]), [Violation("items.0.count", "above_per_student")]),
        (
            a_pack([PackItem(TWO, 1), PackItem(TWO, 1)]),
            [Violation("items.1.batch_id", "duplicate")],
        ),
        (a_pack([PackItem(BatchId("bat_3"), 1)]), [Violation("items.0.batch_id", "unknown")]),
        (a_pack([PackItem(TWO, MAX_COUPONS + 1)]), [Violation("items", "too_many")]),
        (a_pack(), [Violation("items", "missing")]),
        (a_pack([PackItem(TWO, 1)], [Variant(ONE)]), [Violation("variants", "conflict")]),
        (a_pack(variants=[Variant(ONE, VIP), Variant(ONE, None, "aud_1"), Variant(TWO)]), []),
        (a_pack(variants=[Variant(ONE), Variant(TWO)]), [Violation("variants.1", "unreachable")]),
        (
            a_pack(variants=[Variant(BatchId("bat_3"), {"all": []})]),
            [
                Violation("variants.0.batch_id", "unknown"),
                Violation("variants.0.if.all", "too_few"),
            ],
        ),
        (
            a_pack(variants=[Variant(ONE, None, "aud_2"), Variant(ONE, VIP, "aud_1")]),
            [
                Violation("variants.0.audience_id", "unknown"),
                Violation("variants.1.audience_id", "conflict"),
            ],
        ),
    ],
)
def test_what_nobody_could_get_is_refused(pack: Pack, wrong: list[Violation]) -> None:
    assert [*pack_violations(pack, Known(BATCHES, {"aud_1"}))] == wrong


def test_a_preview_says_who_is_first_and_who_overlaps() -> None:
    pack = a_pack(variants=[Variant(ONE, VIP), Variant(TWO, None, "aud_1"), Variant(TWO)])
    counted: dict[tuple[bool, ...], int] = {
        (True, True, True): 3,
        (True, False, True): 5,
        (False, False, True): 7,
    }
    assert preview_of(pack, counted) == PackPreview((8, 3, 15), (8, 0, 7), 3, 0)

    only = a_pack(variants=[Variant(ONE, VIP)])
    assert preview_of(only, {(True,): 1, (False,): 2}) == PackPreview((1,), (1,), 0, 2)
