"""New ids: they sort by the moment at which they were made."""

import time

from server.ids import lowest_id, new_id, new_ids


def test_ids_made_one_after_the_other_sort_in_this_order() -> None:
    made = [new_id("act") for _ in range(1000)]  # several hundred in each millisecond
    assert made == sorted(made)


def test_ids_made_together_differ() -> None:
    assert len(set(new_ids("cpn", 10_000))) == 10_000


def test_the_lowest_id_of_a_moment_divides_older_from_younger() -> None:
    older = new_id("cpn")
    boundary = time.time_ns() // 1_000_000 + 1
    assert older < lowest_id("cpn", boundary)
    while time.time_ns() // 1_000_000 < boundary:
        pass
    assert lowest_id("cpn", boundary) < new_id("cpn")


def test_all_ids_have_22_characters_behind_their_kind() -> None:
    assert {len(one) for one in (new_id("drp"), *new_ids("drp", 3))} == {len("drp_") + 22}
    assert lowest_id("drp", -1) == "drp_" + "0" * 11
