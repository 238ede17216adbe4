"""Stock of an issuance: who of a piece gets coupons when the batches do not have enough for all.

Used by flows/coupons/issuing, which reads the batches and writes what is decided here.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from server.core.coupons.issuances import Grants, ItemOutcome
from server.core.ids import BatchId, StudentId


@dataclass(frozen=True, slots=True)
class BatchStock:
    """The stock that the batches of a piece have left, read with their rows locked.

    `units`: by batch, None without a limit. `budgets`: by (campaign, kind) what is free; a campaign without
    such a budget has no entry. `prices`: by batch, what one coupon takes of which budget.
    """

    units: Mapping[BatchId, int | None]
    budgets: Mapping[tuple[str, str], int] = field(default_factory=dict)
    prices: Mapping[BatchId, Mapping[tuple[str, str], int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StockAllocation:
    """The students of a piece who get coupons. `short`: the others, with what they lack."""

    given: tuple[StudentId, ...]
    short: Mapping[StudentId, ItemOutcome]


def allocate_stock(grants: Grants, stock: BatchStock) -> StockAllocation:
    """Give each student all of their coupons or none, in the order of `grants`, while stock and budgets last.

    Whoever needs less than what is left may still get it after somebody who needed more did not.
    """
    every = Counter[tuple[BatchId, ...]](grants.values())
    if _what_is_short(_needs(every, stock), stock) is None:
        return StockAllocation(tuple(grants), {})  # the usual case, in 0.1 ms for 1,000 students
    given, short = [], {}
    for student, wanted in grants.items():
        needs = _needs({wanted: 1}, stock)
        lacks = _what_is_short(needs, stock)
        if lacks is not None:
            short[student] = lacks
        else:
            given.append(student)
            stock = _without(stock, needs)
    return StockAllocation(tuple(given), short)


_Needs = tuple[Mapping[BatchId, int], Mapping[tuple[str, str], int]]  # units, and parts of budgets


def _needs(wanted: Mapping[tuple[BatchId, ...], int], stock: BatchStock) -> _Needs:
    """Return what so many students with these grants need."""
    units, cost = Counter[BatchId](), Counter[tuple[str, str]]()
    for grant, students in wanted.items():
        for batch_id in grant:
            units[batch_id] += students
            for key, amount in stock.prices.get(batch_id, {}).items():
                cost[key] += amount * students
    return units, cost


def _what_is_short(needs: _Needs, stock: BatchStock) -> ItemOutcome | None:
    for batch_id, count in needs[0].items():
        left = stock.units[batch_id]
        if left is not None and left < count:
            return ItemOutcome.STOCK_SHORT
    for key, amount in needs[1].items():
        if stock.budgets.get(key, amount) < amount:
            return ItemOutcome.BUDGET_SHORT
    return None


def _without(stock: BatchStock, needs: _Needs) -> BatchStock:
    units, cost = needs
    left = {
        one: None if has is None else has - units.get(one, 0) for one, has in stock.units.items()
    }
    free = {key: has - cost.get(key, 0) for key, has in stock.budgets.items()}
    return BatchStock(left, free, stock.prices)
