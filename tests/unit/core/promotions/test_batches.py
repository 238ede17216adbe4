import pytest

from server.core.promotions.batches import RoomQuota
from tests.unit.core.drops.test_drop_rules import a_batch

SHARES = (RoomQuota("101", 40, 10), RoomQuota("102", None, 5), RoomQuota("103", 5, 5))


def test_what_remains_falls_by_what_is_allotted() -> None:
    assert a_batch(quantity=100, allotted=15).remaining == 85


def test_an_unlimited_batch_has_no_remainder_and_nothing_to_drop() -> None:
    batch = a_batch(quantity=None)

    assert (batch.remaining, batch.droppable_in("101"), batch.droppable()) == (None, 0, 0)


@pytest.mark.parametrize(
    ("room", "droppable"),
    [("101", 30), ("102", 80), ("103", 0), ("104", 0)],
    ids=["its share", "no share of its own", "share used up", "not for this room"],
)
def test_a_room_may_drop_the_smaller_of_batch_and_room_quota(room: str, droppable: int) -> None:
    assert a_batch(allotted=20, rooms=SHARES).droppable_in(room) == droppable


def test_a_room_quota_does_not_make_a_batch_larger() -> None:
    assert a_batch(allotted=95, rooms=SHARES).droppable_in("101") == 5


def test_any_room_may_drop_what_is_left_of_a_batch_for_any_room() -> None:
    assert a_batch(allotted=20).droppable_in("999") == 80


def test_a_teacher_may_drop_the_most_that_one_of_their_rooms_may() -> None:
    batch = a_batch(allotted=20, rooms=SHARES)

    assert batch.droppable({"101", "103"}) == 30
    assert batch.droppable({"104"}) == 0
    assert batch.droppable() == 80
    assert a_batch(allotted=20).droppable({"104"}) == 80


def test_nothing_of_a_batch_that_has_ended_can_be_dropped() -> None:
    batch = a_batch(allotted=20, rooms=SHARES, ended_at=1)

    assert (batch.droppable(), batch.droppable_in("101"), batch.remaining) == (0, 0, 80)
