"""Spins: chances, refusals, and what is won when a prize is gone."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from server.core.ids import BatchId
from server.core.lotteries.lotteries import (
    Chances,
    EmptyPolicy,
    Lottery,
    LotteryForm,
    LotteryState,
    Prize,
    WinLimit,
)
from server.core.lotteries.spins import (
    PrizesLeft,
    SpinOutcome,
    UsedChances,
    spin_refusal,
    wins_after,
)
from tests.support.builders.lotteries import a_form

BATCH = BatchId("bat_1")
PRIZES = (
    Prize(BATCH, 1, quantity=1),
    Prize(None, 9),
    Prize(BATCH, 90, per_day=2),
    Prize(BATCH, 900),
)


def form_of(policy: EmptyPolicy, *prizes: Prize) -> LotteryForm:
    return replace(a_form(BATCH), prizes=prizes or PRIZES, empty_policy=policy)


def test_chances_are_those_ever_and_those_of_the_day() -> None:
    assert UsedChances(2, 1).left(Chances(5)) == 3
    assert UsedChances(2, 1).left(Chances(5, 2)) == 1
    assert UsedChances(7, 3).left(Chances(5, 2)) == 0


def test_a_student_may_spin_while_it_is_open_and_a_chance_is_left() -> None:
    lottery = Lottery(
        "lot_1", LotteryState.ACTIVE, replace(a_form(BATCH), chances=Chances(1)), "op", 0
    )
    assert spin_refusal(lottery, UsedChances(), 0) is None
    assert spin_refusal(lottery, UsedChances(1, 1), 0) is SpinOutcome.NO_CHANCE_LEFT
    paused = replace(lottery, state=LotteryState.PAUSED)
    assert spin_refusal(paused, UsedChances(1, 1), 0) is SpinOutcome.NOT_OPEN


def test_who_has_won_as_often_as_the_limit_has_no_chance_until_a_win_is_older() -> None:
    limit, chances = WinLimit(2, 30), Chances(5)
    assert UsedChances(3, wins=1).left(chances, limit) == 2
    assert UsedChances(3, wins=2).left(chances, limit) == 0
    assert UsedChances(5, wins=1).left(chances, limit) == 0
    form = replace(a_form(BATCH), chances=chances, win_limit=limit)
    lottery = Lottery("lot_1", LotteryState.ACTIVE, form, "op", 0)
    assert spin_refusal(lottery, UsedChances(3, wins=1), 0) is None
    assert spin_refusal(lottery, UsedChances(3, wins=2), 0) is SpinOutcome.NO_CHANCE_LEFT


def test_the_days_of_the_limit_end_with_today() -> None:
    assert wins_after(WinLimit(1, 1), 100) == 99
    assert wins_after(WinLimit(1, 30), 100) == 70
    assert wins_after(None, 100) == 100


def test_a_prize_that_is_gone_is_nothing() -> None:
    left = PrizesLeft(form_of(EmptyPolicy.NOTHING), {}, {})
    assert [left.take_drawn(place) for place in (0, 0, 1, 2, 2, 2, 3)] == [
        0,
        None,
        None,
        2,
        2,
        None,
        3,
    ]
    assert left.changes == {0: 1, 2: 2, 3: 1}


def test_or_the_next_one_of_the_list_that_is_left() -> None:
    left = PrizesLeft(form_of(EmptyPolicy.NEXT), {0: 1}, {2: 1})
    assert [left.take_drawn(place) for place in (0, 0, 1, 3)] == [2, 3, None, 3]


def test_a_prize_that_was_refused_goes_back() -> None:
    plain, moving = (PrizesLeft(form_of(policy), {0: 1}, {}) for policy in EmptyPolicy)
    assert plain.take_instead(0) is None
    assert plain.is_left(0)
    assert moving.take_instead(0) == 2
    assert moving.take_instead(3) is None
    assert moving.changes == {0: -1, 2: 1, 3: -1}


@given(
    st.lists(st.integers(0, 3), max_size=40),
    st.sampled_from(EmptyPolicy),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_never_more_is_won_than_there_is(
    drawn: list[int], policy: EmptyPolicy, quantity: int, per_day: int
) -> None:
    prizes = [Prize(BATCH, 1, quantity=quantity), Prize(None, 1), Prize(BATCH, 1, per_day=per_day)]
    left = PrizesLeft(form_of(policy, *prizes, Prize(BATCH, 1)), {}, {})
    won = [left.take_drawn(place) for place in drawn]
    assert won.count(0) <= quantity
    assert won.count(2) <= per_day
    assert won.count(1) == 0
