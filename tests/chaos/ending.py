"""How things stand once all is quiet: what ledger, desk, API and screens say. Values only.

Read by `reading.py`, judged by `checker.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from server.ledger.drops.claims import ClaimRow
from tests.races.books import DeskBooks, LedgerBooks


@dataclass(frozen=True, slots=True)
class BatchEnd:
    id: str
    quantity: int
    allotted: int
    per_student: int


@dataclass(frozen=True, slots=True)
class DropEnd:
    """`key`: the Idempotency-Key of the call that made it. `listed`: student and state, as the teacher's
    list of claims has them. `difference`: the service's own figure."""

    id: str
    room: str
    batch_id: str
    key: str
    desk: DeskBooks
    ledger: LedgerBooks
    listed: tuple[tuple[str, str], ...]
    difference: int


@dataclass(frozen=True, slots=True)
class CouponEnd:
    id: str
    code: str
    drop_id: str
    claim_id: str
    student: str
    state: str
    redemption_id: str | None


@dataclass(frozen=True, slots=True)
class RedemptionEnd:
    """`discounts`: coupon id -> what it took off. `line_discounts`: of each line."""

    id: str
    order_id: str
    student: str
    state: str
    subtotal: int
    discount: int
    payable: int
    discounts: Mapping[str, int]
    line_discounts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """What a student sees: a line for each drop, and a line for each claim, by drop."""

    drops: Mapping[str, str]
    claims: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Screen:
    """`shown` is what has become of everything this device heard, `fresh` what someone who joins now is
    told, at each of the webs."""

    student: str
    room: str
    shown: Picture
    fresh: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Ending:
    """Batches, claims, coupons and orders of all rounds, drops of the last. `given_up`: id and key of
    those that were never open, because the desk could not be told in time."""

    batches: tuple[BatchEnd, ...]
    drops: tuple[DropEnd, ...]
    claims: tuple[ClaimRow, ...]
    coupons: tuple[CouponEnd, ...]
    redemptions: tuple[RedemptionEnd, ...]
    screens: tuple[Screen, ...]
    dead_letters: tuple[str, ...] = ()
    given_up: tuple[tuple[str, str], ...] = ()
