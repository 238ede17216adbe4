"""The facts of a refusal."""

import pytest

from server.core.drops import why
from server.core.drops.claims import Audience
from server.core.drops.tasks import WatchTask, progress_of
from server.core.promotions.claim_conditions import ClaimConditions

NONE: frozenset[str] = frozenset()
VIP = frozenset(["vip"])


def test_taken_says_how_many_and_how_long_after_the_last_one() -> None:
    told = why.taken(500, 1_000, 1_412).told(1_204)
    assert told == {
        "reason": "taken",
        "units": 500,
        "last_at": "1970-01-01T00:00:01.000Z",
        "after_ms": 412,
        "tap": 1_204,
    }


def test_taken_leaves_out_what_is_not_known() -> None:
    assert why.taken(0, 0, 5).told(1) == {"reason": "taken", "units": 0, "tap": 1}


def test_after_the_close_it_says_whether_all_units_are_in_the_list() -> None:
    taken = {"reason": "taken", "units": 3, "last_at": "1970-01-01T00:00:01.000Z"}
    ended = {"reason": "ended", "closed_at": "1970-01-01T00:00:09.000Z"}
    assert why.none_in_list(3, 3, 1_000, 9_000).told(0) == taken
    assert why.none_in_list(3, 2, 1_000, 9_000).told(0) == ended
    assert why.none_in_list(0, 0, None, 9_000).told(0) == ended


def test_a_limit_is_told_with_the_number_of_the_tap() -> None:
    limit = {"reason": "limit", "limit": "device", "most": 2, "used": 2, "tap": 7}
    assert why.limit_reached("device", 2).told(7) == limit


def test_a_tap_outside_of_the_window_has_no_number() -> None:
    assert why.not_yet(5_000, 2_000).told(9)["in_ms"] == 3_000
    assert "tap" not in why.ended(5_000, 5_010).told(9)
    assert why.ended(5_000, 5_010).told(9)["after_ms"] == 10
    assert why.GONE.told(9) == {"reason": "gone"}


@pytest.mark.parametrize(
    ("audience", "reason"),
    [
        (Audience(conditions=ClaimConditions(new=True)), "not_new"),
        (Audience(conditions=ClaimConditions(tags=VIP)), "not_in_batch"),
        (Audience(tags=VIP), "not_in_audience"),
    ],
)
def test_who_is_outside_of_an_audience_is_told_which_of_its_parts(
    audience: Audience, reason: str
) -> None:
    assert why.outside(audience, "ann", NONE, is_new=False).told(0) == {"reason": reason}


def test_an_open_task_is_told_with_how_far_the_student_is() -> None:
    task = WatchTask(10)
    told = why.task_open(task, progress_of(task, 3 * 60_000, passed=False)).told(7)
    assert told == {"reason": "task_open", "kind": "watch", "done": 3, "needed": 10, "tap": 7}
