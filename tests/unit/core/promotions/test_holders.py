from dataclasses import replace

from server.core.promotions.holders import HolderKind, HolderLimit, holder_limits
from tests.unit.core.promotions.test_batch_edits import BATCH

LIMITED = replace(BATCH, per_person=2, per_device=3)
OF_PERSON = HolderLimit(HolderKind.PERSON, "p1", 2)
OF_DEVICE = HolderLimit(HolderKind.DEVICE, "d1", 3)


def test_a_claim_counts_for_whom_the_token_names() -> None:
    assert holder_limits(LIMITED, "p1", "d1") == [OF_PERSON, OF_DEVICE]
    assert holder_limits(LIMITED, "p1", None) == [OF_PERSON]
    assert holder_limits(LIMITED, None, "d1") == [OF_DEVICE]
    assert holder_limits(LIMITED, None, "") == []


def test_where_the_batch_has_no_limit_it_counts_for_nobody() -> None:
    assert holder_limits(replace(LIMITED, per_device=None), "p1", "d1") == [OF_PERSON]
    assert holder_limits(replace(LIMITED, per_person=None), "p1", "d1") == [OF_DEVICE]
