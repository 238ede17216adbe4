"""Room cards: how much of a drop its room sees."""

from dataclasses import replace
from typing import Any

import pytest

from server.core.drops.room_cards import MAX_SCOPE_BYTES, bounded, shortened
from tests.support.builders.desks import a_room_drop

MANY = [f"course-{n:03}" for n in range(500)]


def scope(**lists: Any) -> dict[str, Any]:
    return {"courses": [], "packages": [], **lists}


@pytest.mark.parametrize(
    "small", [scope(), scope(courses=["a"], sale_prices=False), scope(courses=MANY[:300])]
)
def test_a_scope_of_usual_size_is_whole(small: dict[str, Any]) -> None:
    drop = a_room_drop(scope=small)
    assert bounded(drop) is drop


def test_a_scope_that_is_too_large_names_some_and_says_how_many_more() -> None:
    drop = a_room_drop(scope=scope(courses=MANY, packages=MANY[:7], sale_prices=False))
    told = bounded(drop)

    assert told == replace(drop, scope=told.scope)
    assert told.scope == {
        "courses": MANY[:5],
        "packages": MANY[:5],
        "sale_prices": False,
        "more": 497,
    }


def test_what_is_excepted_is_shortened_too_and_is_not_counted_as_more() -> None:
    told = bounded(a_room_drop(scope=scope(except_courses=MANY, except_packages=MANY))).scope
    assert told == scope(except_courses=MANY[:5], except_packages=MANY[:5], more=0)


def test_bytes_count_and_not_characters() -> None:
    chinese = ["课" * 60 for _ in range(30)]
    assert sum(map(len, chinese)) < MAX_SCOPE_BYTES
    assert len(bounded(a_room_drop(scope=scope(courses=chinese))).scope["courses"]) == 5  # type: ignore[arg-type]


def test_a_scope_of_just_the_bound_is_whole() -> None:
    """Quotes and comma are counted for each id."""
    drop = a_room_drop(scope=scope(courses=["c" * 61] * (MAX_SCOPE_BYTES // 64)))
    assert bounded(drop) is drop


def test_a_list_never_becomes_empty_so_that_it_never_means_everything() -> None:
    once = shortened(scope(courses=MANY), 5)
    assert shortened(once, 1) == scope(courses=MANY[:1], more=499)


def test_a_short_scope_stays_as_it_is() -> None:
    short = scope(courses=["a"])
    assert shortened(short, 1) is short
