from hypothesis import given
from hypothesis import strategies as st

from server.core.balances import DAY_MS, due_at, part_of, spendable, undone


def test_a_rebate_is_due_at_the_payment_or_when_goods_can_no_longer_be_sent_back() -> None:
    assert due_at(1_000, None) == 1_000
    assert due_at(1_000, 7) == 1_000 + 7 * DAY_MS


def test_an_order_takes_as_much_as_was_asked_and_is_there_and_is_due() -> None:
    assert spendable(balance=500, asked=300, payable=1_000) == 300
    assert spendable(balance=500, asked=900, payable=1_000) == 500
    assert spendable(balance=500, asked=900, payable=200) == 200
    assert spendable(balance=-50, asked=900, payable=200) == 0


def test_half_a_line_undone_is_half_of_its_share() -> None:
    assert part_of(300, 500, 1_000) == 150


def test_a_line_that_cost_nothing_is_undone_as_a_whole() -> None:
    assert part_of(300, 0, 0) == 300


def test_only_lines_that_came_back_are_undone() -> None:
    shares = {"a": 300, "b": 200}
    assert undone(shares, {"a": 1_000}, {"a": 1_000, "b": 500}) == 300
    assert undone(shares, {"a": 1_000, "b": 500}, {"a": 1_000, "b": 500}) == 500
    assert undone(shares, {}, {"a": 1_000, "b": 500}) == 0


@given(
    share=st.integers(0, 10**6),
    refunds=st.lists(st.integers(0, 10**6), max_size=8),
    rest=st.integers(1, 10**6),
)
def test_refunds_one_after_the_other_undo_the_share_and_no_more(
    share: int, refunds: list[int], rest: int
) -> None:
    paid, so_far, before = sum(refunds) + rest, 0, 0
    for refund in refunds:
        so_far += refund
        gone = part_of(share, so_far, paid)
        assert before <= gone <= share
        before = gone
    assert part_of(share, paid, paid) == share
