"""Forms of lotteries: what may be drawn, when it is open, and whether there is enough of it."""

from dataclasses import replace

import pytest

from server.core.ids import BatchId
from server.core.lotteries.lotteries import (
    Chances,
    Lottery,
    LotteryForm,
    LotteryState,
    Prize,
    WinLimit,
    lottery_violations,
    stock_short,
)
from tests.support.builders.lotteries import a_batch, a_form

BATCH = BatchId("bat_1")
KNOWN = {BATCH: a_batch(BATCH)}


def faults(form: LotteryForm) -> set[tuple[str, str]]:
    return {(one.field, one.code) for one in lottery_violations(form, KNOWN)}


def with_prizes(*prizes: Prize) -> LotteryForm:
    return replace(a_form(BATCH), prizes=prizes)


def test_a_good_form_has_no_fault() -> None:
    form = replace(a_form(BATCH), legal="Play fair.", chances=Chances(3, 1), metadata={"a": "b"})
    form = replace(form, win_limit=WinLimit(99, 365))
    assert faults(form) == set()


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        (with_prizes(Prize(BATCH, 999_999)), ("prizes", "ppm_sum")),
        (with_prizes(Prize(None, 1_000_000)), ("prizes", "nothing_to_win")),
        (with_prizes(*[Prize(BATCH, 1)] * 21), ("prizes", "too_many")),
        (with_prizes(Prize(BATCH, 0)), ("prizes.0.ppm", "too_small")),
        (with_prizes(Prize(BATCH, 1_000_001)), ("prizes.0.ppm", "too_large")),
        (with_prizes(Prize(BATCH, 1, quantity=0)), ("prizes.0.quantity", "too_small")),
        (with_prizes(Prize(None, 1, per_day=1)), ("prizes.0.per_day", "conflict")),
        (with_prizes(Prize(BatchId("bat_2"), 1)), ("prizes.0.batch_id", "unknown")),
        (with_prizes(Prize(BATCH, 1, name="x" * 61)), ("prizes.0.name", "too_long")),
        (replace(a_form(BATCH), name=""), ("name", "too_short")),
        (replace(a_form(BATCH), legal="x" * 2_001), ("legal", "too_long")),
        (replace(a_form(BATCH), from_at=5, until_at=5), ("window.until", "not_after_from")),
        (replace(a_form(BATCH), chances=Chances(0)), ("chances.per_student", "too_small")),
        (replace(a_form(BATCH), chances=Chances(1_001)), ("chances.per_student", "too_large")),
        (replace(a_form(BATCH), chances=Chances(3, 0)), ("chances.per_day", "too_small")),
        (replace(a_form(BATCH), chances=Chances(3, 4)), ("chances.per_day", "above_per_student")),
        (replace(a_form(BATCH), win_limit=WinLimit(0, 30)), ("win_limit.count", "too_small")),
        (replace(a_form(BATCH), win_limit=WinLimit(100, 30)), ("win_limit.count", "too_large")),
        (replace(a_form(BATCH), win_limit=WinLimit(1, 366)), ("win_limit.days", "too_large")),
    ],
)
def test_each_fault_has_its_field(form: LotteryForm, fault: tuple[str, str]) -> None:
    assert fault in faults(form)


def test_it_is_open_while_it_is_active_and_in_its_window() -> None:
    form = replace(a_form(BATCH), from_at=10, until_at=20)
    lottery = Lottery("lot_1", LotteryState.ACTIVE, form, "op", 0)
    assert [lottery.is_open(now) for now in (9, 10, 19, 20)] == [False, True, True, False]
    assert not replace(lottery, state=LotteryState.PAUSED).is_open(15)
    assert Lottery("lot_1", LotteryState.ACTIVE, a_form(BATCH), "op", 0).is_open(0)


def test_all_prizes_of_a_batch_together_must_be_there() -> None:
    batch = a_batch(BATCH, quantity=10, allotted=3)
    form = with_prizes(Prize(BATCH, 1, quantity=4), Prize(BATCH, 2, quantity=3), Prize(None, 3))
    assert stock_short(form, {BATCH: batch}) is None
    assert stock_short(with_prizes(*form.prizes, Prize(BATCH, 4)), {BATCH: batch}) == 7
    assert stock_short(form, {BATCH: replace(batch, quantity=None)}) is None
