"""Results are exact: they are computed from all samples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.gates import Gate, exceeded, parse_gate
from loadtest.percentiles import Spread, percentile
from loadtest.storm.recording import Recording, reports_of
from loadtest.storm.results import Arrival, arrivals_of, deliveries_of, results_of

MS = 1_000_000
PRESSED_AT = 1_000 * MS


def recording(*names: str, rooms: list[int] | None = None) -> Recording:
    return Recording(list(names), rooms or [0] * len(names))


def winner() -> Recording:
    """Return one student who joins after 5 ms, gets the card after 10 ms, is answered 3 ms and confirmed 43
    ms later."""
    one = recording("ann")
    one.join_due[0] = 100 * MS
    one.join(0, 105 * MS)
    one.push(0, PRESSED_AT + 10 * MS)
    one.tap_due[0] = PRESSED_AT + 10 * MS
    one.answer(0, PRESSED_AT + 13 * MS, "won", "c1")
    one.confirm(0, PRESSED_AT + 53 * MS, "c1")
    return one


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_percentile_is_the_smallest_sample_that_covers_its_share(
    samples: list[float], share: float
) -> None:
    ordered = sorted(samples)
    found = percentile(ordered, share)

    assert found in samples
    assert sum(one <= found for one in ordered) >= share * len(ordered)
    assert sum(one < found for one in ordered) < share * len(ordered)


def test_percentiles_of_a_hundred_are_their_ranks() -> None:
    assert Spread.of(range(100, 0, -1)) == Spread(100, 50, 90, 99, 100)


def test_spread_of_nothing_is_zero() -> None:
    assert Spread.of([]) == Spread(0, 0, 0, 0, 0)


def test_each_delay_runs_from_its_planned_moment() -> None:
    results = results_of([winner()], PRESSED_AT)

    assert results.join.max == 5
    assert results.push.max == 10
    assert results.claim.max == 3
    assert results.confirm.max == 40
    assert results.outcomes == {"won": 1}


def test_samples_of_all_processes_count_alike() -> None:
    results = results_of([winner(), recording("bob"), winner()], PRESSED_AT)

    assert results.push.count == 2
    assert results.joins_per_s == pytest.approx(2 / 0.005)


def test_confirmation_that_overtakes_the_answer_took_no_time() -> None:
    one = winner()
    one.confirmed[0] = PRESSED_AT + 11 * MS

    assert results_of([one], PRESSED_AT).confirm.max == 0


def test_arrivals_are_in_the_order_of_the_card_and_of_its_room_only() -> None:
    many = recording("late", "early", "elsewhere", "never", rooms=[0, 0, 1, 0])
    many.push(0, PRESSED_AT + 9 * MS)
    many.push(1, PRESSED_AT + 2 * MS)

    assert arrivals_of([many], PRESSED_AT) == [
        Arrival(2, None, None, None),
        Arrival(9, None, None, None),
        Arrival(None, None, None, None),
    ]


def test_refusal_may_become_a_win_and_a_win_stays_one() -> None:
    one = recording("ann")
    for outcome in ("sold_out", "won", "sold_out"):
        one.answer(0, PRESSED_AT, outcome, None)

    assert (one.outcomes, one.answers, one.wins) == (["won"], 1, 1)


def test_story_of_each_student_of_the_room_goes_to_the_verdict() -> None:
    one, elsewhere = winner(), recording("bob", rooms=[1])
    one.confirm(0, PRESSED_AT, "c2")

    (told,) = reports_of([one, elsewhere])
    assert told.student == "ann"
    assert told.has_won
    assert told.is_confirmed
    assert told.coupons == {"c1", "c2"}


def test_gate_holds_up_to_its_figure() -> None:
    results = results_of([winner()], PRESSED_AT)

    assert exceeded([parse_gate("p99_push_ms=10")], results.spreads) == []
    assert exceeded([parse_gate("max_push_ms=9.5")], results.spreads) == [
        "max_push_ms: 10.0, at most 9.5 allowed"
    ]


def test_gate_without_a_sample_does_not_hold() -> None:
    results = results_of([recording("ann")], PRESSED_AT)

    assert exceeded([Gate("p50", "claim", 1)], results.spreads) == [
        "p50_claim_ms: nothing was measured"
    ]


@pytest.mark.parametrize("text", ["p99_push_ms", "p98_push_ms=5", "p99_nap_ms=5", "p99_push_ms=x"])
def test_what_is_no_gate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a gate"):
        parse_gate(text)


def test_delivery_is_of_each_change_by_its_quantity() -> None:
    one, other = recording("ann"), recording("bob")
    one.change(6, PRESSED_AT + 3 * MS)
    other.change(6, PRESSED_AT + 8 * MS)
    one.change(7, PRESSED_AT + 20 * MS)

    first, second = deliveries_of([one, other], {6: PRESSED_AT, 7: PRESSED_AT + 15 * MS}, 2)

    assert (sorted(first.delays), first.span_ms, first.missing) == ([3, 8], 5, 0)
    assert (second.delays, second.span_ms, second.missing) == ([5], 0, 1)


def test_who_was_gone_is_back_with_a_welcome_and_who_was_not_is_only_told_again() -> None:
    one = recording("ann", "bob")
    for number in (0, 1):
        one.join(number, 100 * MS)
    one.connected[0] = 0
    for number in (0, 1):
        one.join(number, 200 * MS)

    assert list(one.rejoined) == [200 * MS, 0]
    assert (one.joins, one.rejoins) == (2, 1)
