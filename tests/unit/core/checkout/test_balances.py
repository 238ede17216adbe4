from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from server.core.checkout.balances import DAY_MS, due_at, spend_on, with_balance
from server.core.checkout.paid_orders import PaidLine, undone
from server.core.checkout.quoting.quotes import quote
from server.core.checkout.refunds import Refund, RefundedLine
from tests.support.builders.money import NOW, an_order

LINE = PaidLine("a", amount=1_200, payable=1_000, quantity=4)
TWO = quote(an_order(3_000, 1_000), [], (), NOW)


def test_a_rebate_is_due_at_the_payment_or_when_goods_can_no_longer_be_sent_back() -> None:
    assert due_at(1_000, None) == 1_000
    assert due_at(1_000, 7) == 1_000 + 7 * DAY_MS


def test_a_balance_comes_off_every_line_by_what_is_to_pay_of_it() -> None:
    quoted, spent = spend_on(TWO, available=900, requested=400)

    assert (quoted.discount, quoted.payable) == (400, 3_600)
    assert [(line.discount, line.payable) for line in quoted.lines] == [(300, 2_700), (100, 900)]
    assert (spent.used, spent.line_shares) == (400, (300, 100))


def test_an_order_takes_as_much_as_is_there_and_as_it_costs() -> None:
    assert spend_on(TWO, available=900, requested=10_000)[1].used == 900
    assert spend_on(TWO, available=9_000, requested=10_000)[1].used == 4_000
    assert spend_on(TWO, available=-50, requested=10_000)[1].used == 0


def test_what_came_back_of_a_line_undoes_its_part_by_pieces_or_by_money() -> None:
    assert undone({"a": 300}, [LINE]) == 0
    assert undone({"a": 300}, [replace(LINE, returned=2, refunded=500)]) == 150
    assert undone({"a": 300}, [replace(LINE, refunded=500)]) == 150
    assert undone({"a": 300}, [replace(LINE, returned=4)]) == 300
    assert undone({"b": 300}, [replace(LINE, returned=4)]) == 0


def test_a_line_that_cost_nothing_is_undone_by_its_pieces() -> None:
    free = replace(LINE, payable=0)
    assert undone({"a": 300}, [replace(free, returned=1)]) == 75
    assert undone({"a": 300}, [replace(free, returned=4)]) == 300


def a_refund(*lines: RefundedLine) -> Refund:
    refunded = sum(line.refunded for line in lines)
    return Refund("r", refunded, 0, refunded, lines, (), (), NOW)


def test_each_refund_says_what_of_the_balance_came_back_with_it() -> None:
    """Half of one line by money, then the rest of it and all of another: 150, then 150 and 100."""
    other = PaidLine("b", amount=500, payable=400, quantity=1)
    half = a_refund(RefundedLine("a", refunded=500, quantity=0, refundable=500))
    rest = a_refund(
        RefundedLine("a", refunded=500, quantity=4, refundable=0),
        RefundedLine("b", refunded=400, quantity=1, refundable=0),
    )
    told = with_balance([half, rest], [LINE, other], {"a": 300, "b": 100})

    assert [refund.balance for refund in told] == [150, 250]


def test_a_piece_that_came_back_without_money_gives_back_its_part_of_the_balance() -> None:
    free = replace(LINE, payable=0)
    pieces = [a_refund(RefundedLine("a", 0, quantity, 0)) for quantity in (1, 2, 1)]

    assert [each.balance for each in with_balance(pieces, [free], {"a": 300})] == [75, 150, 75]


@given(
    share=st.integers(0, 10**6),
    pieces=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    payable=st.integers(0, 10**6),
)
def test_pieces_one_after_the_other_undo_the_share_and_no_more(
    share: int, pieces: list[int], payable: int
) -> None:
    line = PaidLine("a", payable, payable, sum(pieces))
    before = 0
    for returned in pieces:
        line = replace(line, returned=line.returned + returned)
        gone = undone({"a": share}, [line])
        assert before <= gone <= share
        before = gone
    assert before == share
