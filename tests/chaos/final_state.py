"""The final state, once nothing is under way: what ledger, desk, API and screens say. Values only.

Filled by `state_reader.py`, judged by `checker.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from server.ledger.drops.claims import ClaimRow
from tests.races.books import DeskBooks, LedgerBooks


@dataclass(frozen=True, slots=True)
class BatchEnd:
    id: str
    quantity: int
    allotted: int
    per_student: int


@dataclass(frozen=True, slots=True)
class FinalDrop:
    """A drop. `key`: the Idempotency-Key of the call that opened it. `listed`: student and state of each
    entry in the instructor's claims list. `difference`: the service's own count of what does not add up."""

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
class FinalRedemption:
    """A redemption. `discounts`: coupon id -> amount taken off. `line_discounts`: the same by order line."""

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
class StudentView:
    """The view of one student: one text for each drop, and one for each claim, by drop."""

    drops: Mapping[str, str]
    claims: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Screen:
    """One device: the view it has built from all frames, and the views that a student who joins now gets at
    each web."""

    student: str
    room: str
    view: StudentView
    expected_views: tuple[StudentView, ...]


@dataclass(frozen=True, slots=True)
class IssuanceEnd:
    """An issuance. `key`: the Idempotency-Key of the call that asked for it; empty for one that an accepted
    offer made. `outcomes`: by student.
    `coupons`: student and state of each coupon that it gave.
    """

    id: str
    key: str
    batch_id: str
    state: str
    asked: int
    issued: int
    outcomes: Mapping[str, str | None]
    coupons: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DrawEnd:
    """A draw: its published document, its entrants in the order of its leaves, and who has a live claim."""

    drop_id: str
    document: Mapping[str, Any]
    entrants: tuple[str, ...]
    seated: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OfferEnd:
    """An offer. `coupon_state`: of the coupon that it gave; None: it gave none."""

    id: str
    batch_id: str
    student: str
    state: str
    coupon_state: str | None


@dataclass(frozen=True, slots=True)
class FinalState:
    """The whole state. Batches, claims, coupons, issuances and orders are those of all rounds, drops those of
    the last round.

    `links`: the units of each link, by its drop. `given_up`: id and key of the drops that never opened,
    because the desk could not be reached in time.
    """

    batches: tuple[BatchEnd, ...]
    drops: tuple[FinalDrop, ...]
    claims: tuple[ClaimRow, ...]
    coupons: tuple[CouponEnd, ...]
    redemptions: tuple[FinalRedemption, ...]
    screens: tuple[Screen, ...]
    dead_letters: tuple[str, ...] = ()
    given_up: tuple[tuple[str, str], ...] = ()
    issuances: tuple[IssuanceEnd, ...] = ()
    draws: tuple[DrawEnd, ...] = ()
    links: Mapping[str, int] = field(default_factory=dict)
    offers: tuple[OfferEnd, ...] = ()
