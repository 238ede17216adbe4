"""Offers: a coupon that a teacher keeps for one student, to accept or decline."""

from typing import Literal, NotRequired, TypedDict

from client_sdk.python.shapes.templates import Template

OfferState = Literal["offered", "seen", "accepted", "declined", "expired", "withdrawn"]


class OfferForm(TypedDict):
    """The students it is for: `students`, 50 at most, or those who are in the room and have the `tag`.
    `course`: what it is meant for, shown with it. `metadata`: for the school, of each of the offers.
    """

    batch_id: str
    students: NotRequired[list[str] | None]
    tag: NotRequired[str | None]
    course: NotRequired[str | None]
    message: NotRequired[str | None]
    metadata: NotRequired[dict[str, str] | None]
    expires_in_seconds: int


class OfferCoupon(TypedDict):
    """The coupon of an accepted offer."""

    id: str
    code: str
    valid_from: str
    valid_until: str
    use_by: str


class Offer(TypedDict):
    """`offered` and `seen` are open. `template`: what the coupon is worth. `coupon`: once it is accepted, to
    its student. `metadata`: to the school, never to its student.
    """

    id: str
    room: str
    batch_id: str
    student: str
    state: OfferState
    course: NotRequired[str]
    message: str
    expires_at: str
    created_at: str
    ended_at: NotRequired[str]
    coupon_id: NotRequired[str]
    template: Template
    coupon: NotRequired[OfferCoupon]
    metadata: NotRequired[dict[str, str]]


class OpenOffer(TypedDict):
    """An offer as its frame has it."""

    id: str
    room: str
    batch_id: str
    student: str
    state: OfferState
    course: NotRequired[str]
    message: str
    expires_at: str
    created_at: str
    template: Template


class RefusedOffer(TypedDict):
    """A student who can have no offer: `limit_reached`, `not_eligible` or `blocked`."""

    student: str
    code: str


class OffersMade(TypedDict):
    """The offers of one request, and who can have none."""

    offers: list[Offer]
    refused: list[RefusedOffer]


class Offers(TypedDict):
    """A page of a room's offers."""

    offers: list[Offer]
    next: str | None


class Way(TypedDict):
    """A place where a coupon can be got now: a drop that is open in `room`, or a link. `link`: its name for
    `/c/{link}` and for claims. `task`: the kind of what is to be done first.
    """

    kind: Literal["drop", "link"]
    drop_id: str
    room: NotRequired[str]
    link: NotRequired[str]
    message: str
    opens_at: str
    closes_at: str
    remaining: int
    task: NotRequired[str]
    template: Template


class MyOffers(TypedDict):
    """The offers that are open for a student. `elsewhere`: where they could get another coupon now."""

    offers: list[Offer]
    elsewhere: list[Way]


class Prompt(TypedDict):
    """A coupon that a student could get, and what it saves on an order beside the selected ones.

    `spend_more`, `pieces_more`: what is to be bought first; 0: it saves that now. `offer_id` with the kind
    `offer`, else `drop_id`; `room` or `link`: where it can be got.
    """

    kind: Literal["offer", "drop", "link"]
    name: str
    offer_id: NotRequired[str]
    drop_id: NotRequired[str]
    room: NotRequired[str]
    link: NotRequired[str]
    spend_more: int
    pieces_more: NotRequired[int]
    save_more: int
    worth: NotRequired[int]


class Prompts(TypedDict):
    """The least to spend comes first, then the most to save."""

    prompts: list[Prompt]


class RoomStudent(TypedDict):
    """A student who is in the room; `name` and `tags` as their token has them."""

    id: str
    name: NotRequired[str]
    tags: list[str]


class RoomStudents(TypedDict):
    """A page of who is in a room. `present`: all who are there; `found`: those that the search finds."""

    students: list[RoomStudent]
    next: str | None
    found: int
    present: int
