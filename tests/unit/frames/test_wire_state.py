"""A room's drops within a bound: what is told in fewer words, what is left out, and in which order."""

from typing import Any

import orjson

from server.frames.wire_state import MAX_DROPS_BYTES, coupons_within, drops_within

WORDS = "字" * 1_000
COURSES = [f"course-{n}" for n in range(200)]
STYLE = {"colour": "#c00", "image": "https://school.example/" + "i" * 500}


def shown(drop_id: str, closed_at: str | None = None, **columns: Any) -> dict[str, Any]:
    drop = {
        "id": drop_id,
        "name": "Ten off",
        "description": WORDS,
        "message": "for you",
        "scope": {"courses": COURSES, "packages": []},
        "style": STYLE,
        **columns,
    }
    return drop if closed_at is None else {**drop, "closed_at": closed_at}


def told(drops: list[dict[str, Any]], most: int = MAX_DROPS_BYTES) -> dict[str, dict[str, Any]]:
    return {drop_id: orjson.loads(text) for drop_id, text in drops_within(drops, most).items()}


SIZE = len(orjson.dumps(shown("drp_1", "2026")))
SLIM = {
    **shown("drp_1", "2026", description="", message=""),
    "scope": {"courses": COURSES[:1], "packages": [], "more": 199},
    "style": {"colour": "#c00"},
}
SLIM_SIZE = len(orjson.dumps(SLIM))


def test_what_fits_is_told_whole_and_in_its_order() -> None:
    drops = [shown("drp_2"), shown("drp_1", "2026")]
    assert list(told(drops).values()) == drops


def test_the_drop_that_closed_first_is_told_in_fewer_words_first() -> None:
    drops = [shown("drp_2", "2027"), shown("drp_1", "2026"), shown("drp_3")]
    assert told(drops, most=3 * SIZE - 100) == {
        "drp_2": drops[0],
        "drp_1": SLIM,
        "drp_3": drops[2],
    }


def test_no_more_drops_are_shortened_than_it_takes_to_the_byte() -> None:
    drops = [shown("drp_1", "2026"), shown("drp_2", "2027")]
    saved = SIZE - SLIM_SIZE
    descriptions = [
        [len(drop["description"]) for drop in told(drops, most=2 * SIZE - excess).values()]
        for excess in (0, 1, saved, saved + 1)
    ]
    assert descriptions == [[1_000, 1_000], [0, 1_000], [0, 1_000], [0, 0]]


def test_one_byte_too_many_leaves_a_closed_drop_out() -> None:
    drops = [shown(f"drp_{n}", f"202{n}") for n in range(2)]
    assert len(told(drops, most=2 * SLIM_SIZE)) == 2
    assert list(told(drops, most=2 * SLIM_SIZE - 1)) == ["drp_1"]


def test_then_closed_drops_are_left_out_the_oldest_first() -> None:
    drops = [shown(f"drp_{n}", f"202{n}") for n in range(5)]
    found = told(drops, most=3 * SLIM_SIZE)
    assert list(found) == ["drp_2", "drp_3", "drp_4"]
    assert all(drop["description"] == "" for drop in found.values())


def test_live_drops_are_told_in_fewer_words_last_and_never_left_out() -> None:
    drops = [shown("drp_1", "2026"), *(shown(f"drp_{n}", style={}) for n in range(2, 6))]
    found = told(drops, most=10)
    assert list(found) == ["drp_2", "drp_3", "drp_4", "drp_5"]
    assert all(drop["scope"]["more"] == 199 for drop in found.values())
    assert all("style" not in drop for drop in found.values())


def test_a_school_that_drops_all_day_stays_within_the_bound() -> None:
    drops = [shown(f"drp_{n}", f"{2000 + n}") for n in range(1_000)]
    assert sum(map(len, drops_within(drops).values())) <= MAX_DROPS_BYTES


def test_the_newest_coupons_are_told_as_far_as_there_is_space() -> None:
    coupons = [("drp_3", b"x" * 40), ("drp_2", b"x" * 40), ("drp_1", b"x" * 40)]
    assert coupons_within(coupons, most=100) == {"drp_3", "drp_2"}
    assert coupons_within(coupons, most=80) == {"drp_3", "drp_2"}
    assert coupons_within(coupons, most=79) == {"drp_3"}
    assert coupons_within(coupons) == {"drp_1", "drp_2", "drp_3"}
