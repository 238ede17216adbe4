"""Offers: one unit of a batch kept for one student, to accept or decline; their states and limits.

Used by flows/offers, stored by ledger/offers, published by the API and in the frames `offer` and
`offer_withdrawn`. Knows nothing of rooms that are live: whom a tag names is found by the flow.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from server.core.ids import BatchId, CouponId, StudentId
from server.core.offers.roster import MAX_SHOWN
from server.core.promotions.template_rules import metadata_violations
from server.core.violations import Violation

MAX_STUDENTS: Final = 50  # named in one request; MAX_SHOWN by a tag
MAX_OPEN_IN_ROOM: Final = 2_000
MIN_SECONDS: Final = 60
MAX_SECONDS: Final = 7 * 86_400


class OfferState(StrEnum):
    """`offered` and `seen` are open; the others are ends."""

    OFFERED = "offered"
    SEEN = "seen"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


OPEN: Final = (OfferState.OFFERED, OfferState.SEEN)


@dataclass(frozen=True, slots=True)
class OfferForm:
    """An offer as a teacher asks for it, to named students. `course`: what it is meant for, shown with it;
    the scope of the coupon is the template's. `tag`: the students are those who are in the room and have
    it, perhaps nobody. `metadata`: for the school, of each of the offers."""

    batch_id: BatchId
    students: tuple[StudentId, ...]
    expires_in_seconds: int
    course: str | None = None
    message: str = ""
    tag: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An offer as it stands. Instants are in ms. `issuance_id`: the issuance that gives its coupon, from the
    moment at which the student has accepted. `coupon_id` is set once it is accepted."""

    id: str
    group_id: str
    room: str
    batch_id: BatchId
    student: StudentId
    state: OfferState
    expires_at: int
    created_by: str
    created_at: int
    course: str | None = None
    message: str = ""
    ended_at: int | None = None
    issuance_id: str | None = None
    coupon_id: CouponId | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class OffersMade:
    """The offers of one request, and the students who can have none, with the reason."""

    offers: tuple[Offer, ...]
    refused: dict[StudentId, str] = field(default_factory=dict)


def violations(form: OfferForm) -> Iterator[Violation]:
    """Yield everything that is wrong with the form itself."""
    if form.tag is not None:
        if len(form.students) > MAX_SHOWN:
            yield Violation("tag", "too_many")
    elif not form.students:
        yield Violation("students", "required")
    elif len(set(form.students)) > MAX_STUDENTS:
        yield Violation("students", "too_many")
    if form.expires_in_seconds < MIN_SECONDS:
        yield Violation("expires_in_seconds", "too_small")
    if form.expires_in_seconds > MAX_SECONDS:
        yield Violation("expires_in_seconds", "too_large")
    yield from metadata_violations("metadata", form.metadata)


def limited_among(
    students: Collection[StudentId],
    used: dict[StudentId, int],
    with_offer: Collection[StudentId],
    per_student: int,
) -> frozenset[StudentId]:
    """Return the students who can have no further coupon of the batch.

    `used`: their slots of the batch that are taken. `with_offer`: those who have an open offer of it. One
    open offer of a batch is the most, so that an offer that is accepted finds its slot free.
    """
    has = set(with_offer)
    return frozenset(one for one in students if one in has or used.get(one, 0) >= per_student)


def can_end(offer: Offer) -> bool:
    """Return whether the offer can still be declined, withdrawn or expire: it is open, and its student has
    not accepted it a moment ago."""
    return offer.is_open and offer.issuance_id is None
