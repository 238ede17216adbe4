"""What the people of a lesson were told becomes the verdict's history."""

import pytest

from client_sdk.python import Claim, ClaimState
from client_sdk.python.shapes import Coupon
from loadtest.lesson.student_outcomes import LessonBook
from loadtest.verdict import Told

AT = 1_800_000_000_000
COUPON: Coupon = {
    "id": "cpn_1",
    "code": "AB12",
    "name": "Ten off",
    "valid_from": "2026-03-01T00:00:00.000Z",
    "valid_until": "2026-03-08T00:00:00.000Z",
    "use_by": "2026-03-08T00:00:00.000Z",
}


@pytest.fixture
def book() -> LessonBook:
    book = LessonBook()
    book.press("drp_1", 5, AT)
    return book


def told(book: LessonBook) -> list[Told]:
    (history,) = book.histories(is_private=True)
    assert (history.drop_id, history.stock) == ("drp_1", 5)
    return list(history.told)


def claim(state: ClaimState, outcome: str | None = None, coupon: Coupon | None = None) -> Claim:
    return Claim("drp_1", state, outcome=outcome, coupon=coupon)


def test_winner_is_one_who_was_told_so_and_then_confirmed(book: LessonBook) -> None:
    assert book.see("drp_1", "ann")
    book.tap("drp_1", "ann")
    for heard in (
        claim(ClaimState.PENDING),
        claim(ClaimState.WON, "won"),
        claim(ClaimState.CONFIRMED, "won", COUPON),
    ):
        book.hear("ann", heard)

    assert told(book) == [
        Told("ann", outcome="won", coupons=frozenset({"cpn_1"}), is_confirmed=True)
    ]


def test_tap_without_an_answer_stays_without_one(book: LessonBook) -> None:
    book.tap("drp_1", "ann")
    book.hear("ann", claim(ClaimState.PENDING))

    assert told(book) == [Told("ann")]


def test_refusal_may_become_a_win_and_not_the_reverse(book: LessonBook) -> None:
    book.tap("drp_1", "ann")
    book.hear("ann", claim(ClaimState.REFUSED, "sold_out"))
    assert told(book)[0].outcome == "sold_out"

    book.hear("ann", claim(ClaimState.WON, "won"))
    book.hear("ann", claim(ClaimState.REFUSED, "sold_out"))
    assert told(book)[0].outcome == "won"


def test_win_that_was_taken_back_is_kept(book: LessonBook) -> None:
    book.hear("ann", claim(ClaimState.WON, "won"))
    book.hear("ann", claim(ClaimState.REVOKED))

    assert told(book)[0].is_revoked


def test_second_sight_of_a_drop_is_none(book: LessonBook) -> None:
    assert book.see("drp_1", "ann")
    assert not book.see("drp_1", "ann")


def test_who_leaves_with_an_open_question_need_not_be_answered(book: LessonBook) -> None:
    book.tap("drp_1", "ann")
    book.see("drp_1", "bob")
    book.hear("bob", claim(ClaimState.REFUSED, "sold_out"))
    for name in ("ann", "bob"):
        book.come(name, AT - 1)
        book.leave(name, AT + 60_000)

    assert {one.student: one.has_left for one in told(book)} == {"ann": True, "bob": False}


@pytest.mark.parametrize(
    ("since", "until", "is_blind"),
    [
        (AT - 1, None, True),
        (AT - 1, AT + 60_000, True),
        (AT + 1, None, False),  # came after it
        (AT - 1, AT + 1_000, False),  # left as it came
    ],
)
def test_who_sat_through_a_drop_must_have_seen_it(
    since: int, until: int | None, is_blind: bool, book: LessonBook
) -> None:
    book.come("ann", since)
    if until is not None:
        book.leave("ann", until)

    assert [one.was_reached for one in told(book)] == ([False] if is_blind else [])


def test_book_of_two_processes_is_that_of_one(book: LessonBook) -> None:
    worker = LessonBook()
    worker.come("ann", AT - 1)
    worker.tap("drp_1", "ann")
    book.merge(worker.changes())
    worker.hear("ann", claim(ClaimState.CONFIRMED, "won", COUPON))
    worker.come("bob", AT - 1)
    book.merge(worker.changes())

    assert told(book) == [
        Told("ann", outcome="won", coupons=frozenset({"cpn_1"}), is_confirmed=True),
        Told("bob", has_tapped=False, was_reached=False),
    ]
    assert worker.changes() == {"pressed": [], "told": [], "stays": []}
