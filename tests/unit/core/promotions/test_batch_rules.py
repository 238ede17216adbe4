from dataclasses import replace

import pytest

from server.core.promotions import batch_rules
from server.core.promotions.batches import BatchForm, ClaimWindow, RoomQuota
from server.core.promotions.claim_conditions import ClaimConditions

GOOD = BatchForm(template_id="tpl_1", name="Tuesday", quantity=10, channel="live", per_student=1)


def found(**changes: object) -> list[tuple[str, str]]:
    form = replace(GOOD, **changes)  # type: ignore[arg-type]
    return [(one.field, one.code) for one in batch_rules.violations(form)]


def test_a_plain_batch_is_legal() -> None:
    assert found() == []


def test_a_full_batch_is_legal() -> None:
    assert (
        found(
            quantity=None,
            per_student=100,
            per_person=100,
            per_device=100,
            code_prefix="LIVE",
            hold_seconds=60,
            rooms=(RoomQuota("101", 5), RoomQuota("102")),
            claim_window=ClaimWindow(1, 2),
            metadata={"term": "spring"},
        )
        == []
    )


@pytest.mark.parametrize(
    ("field", "least", "most"),
    [
        ("quantity", 1, 1_000_000_000),
        ("per_student", 1, 100),
        ("per_person", 1, 100),
        ("per_device", 1, 100),
        ("hold_seconds", 1, 30 * 86_400),
    ],
)
def test_numbers_have_a_lower_and_an_upper_bound(field: str, least: int, most: int) -> None:
    assert found(**{field: least}) == found(**{field: most}) == []
    assert found(**{field: least - 1}) == [(field, "too_small")]
    assert found(**{field: most + 1}) == [(field, "too_large")]


@pytest.mark.parametrize(("field", "most"), [("name", 60), ("channel", 64)])
def test_texts_have_a_shortest_and_a_longest_length(field: str, most: int) -> None:
    assert found(**{field: "券" * most}) == []
    assert found(**{field: ""}) == [(field, "too_short")]
    assert found(**{field: "券" * (most + 1)}) == [(field, "too_long")]


def test_a_name_of_blanks_is_refused() -> None:
    assert found(name="  ") == [("name", "too_short")]


@pytest.mark.parametrize(
    ("prefix", "code"),
    [
        ("live", "bad_character"),
        ("L-V", "bad_character"),
        ("l" * 12, "bad_character"),
        ("L" * 13, "too_long"),
    ],
)
def test_a_prefix_is_capitals_and_digits(prefix: str, code: str) -> None:
    assert found(code_prefix=prefix) == [("code_prefix", code)]


def test_conditions_are_bounded_and_not_empty() -> None:
    tags = [f"t{n}" for n in range(21)]
    most = ClaimConditions(frozenset([*tags[:19], "t" * 64]))
    many = ClaimConditions(frozenset(tags))

    assert found(conditions=most) == []
    assert found(conditions=many) == [("claim_conditions.tags", "too_many")]
    for tag in ("", "t" * 65):
        assert found(conditions=ClaimConditions(frozenset({tag}))) == [
            ("claim_conditions.tags", "too_long")
        ]


def test_each_room_is_named_once_and_has_a_name() -> None:
    rooms = (RoomQuota("101"), RoomQuota("room 2"), RoomQuota("101"))

    assert found(rooms=rooms) == [
        ("rooms.1.room", "bad_character"),
        ("rooms.2.room", "duplicate"),
    ]


def test_a_room_quota_lies_within_the_batch() -> None:
    assert found(rooms=(RoomQuota("101", 10), RoomQuota("102", 10))) == []
    assert found(rooms=(RoomQuota("101", 11),)) == [("rooms.0.quantity", "too_large")]
    assert found(rooms=(RoomQuota("101", 0),)) == [("rooms.0.quantity", "too_small")]


def test_a_batch_for_rooms_is_for_some_and_not_too_many() -> None:
    many = tuple(RoomQuota(f"r{number}") for number in range(1_001))

    assert found(rooms=many[:1_000]) == []
    assert found(rooms=()) == [("rooms", "too_short")]
    assert found(rooms=many) == [("rooms", "too_many")]


def test_a_claim_window_has_room_for_a_claim() -> None:
    assert found(claim_window=ClaimWindow(0, 1)) == []
    assert found(claim_window=ClaimWindow(-2, 0)) == [("claim_window.from", "too_small")]
    assert found(claim_window=ClaimWindow(5, 5)) == [("claim_window.until", "empty_window")]
    assert found(claim_window=ClaimWindow(-1, 5)) == [("claim_window.from", "too_small")]
