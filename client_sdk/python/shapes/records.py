"""Everything that is kept of one student."""

from typing import Literal, NotRequired, TypedDict

from client_sdk.python.shapes.students import Student

RecordSection = Literal[
    "coupons",
    "claims",
    "orders",
    "refunds",
    "balance_entries",
    "messages",
    "blocks",
    "acts",
    "jobs",
]


class RecordCoupon(TypedDict):
    """A coupon of the student. `state` as it is stored."""

    id: str
    code: str
    name: str
    state: str
    source: str
    batch_id: str
    drop_id: NotRequired[str]
    issuance_id: NotRequired[str]
    valid_from: str
    valid_until: str
    hold_until: NotRequired[str]
    created_at: str
    redeemed_at: NotRequired[str]


class RecordClaim(TypedDict):
    """A claim of the student; `id` is its coupon's."""

    id: str
    claim_id: str
    drop_id: str
    batch_id: str
    state: str
    reason: NotRequired[str]
    won_at: str
    confirmed_at: str


class RecordOrder(TypedDict):
    """An order of the student; `id` is its redemption's."""

    id: str
    order_id: str
    state: str
    currency: str
    subtotal: int
    discount: int
    payable: int
    created_at: str
    paid_at: NotRequired[str]


class RecordRefunds(TypedDict):
    """The refunds of one order, added up."""

    id: str
    order_id: str
    currency: str
    refunds: int
    refunded: int
    charged_back: int
    last_at: str


class RecordBalance(TypedDict):
    """The balance in one currency."""

    currency: str
    amount: int


class RecordEntry(TypedDict):
    """A change of the balance."""

    id: str
    at: str
    currency: str
    amount: int
    kind: str
    redemption_id: NotRequired[str]


class RecordMessage(TypedDict):
    """A message to the student."""

    id: str
    kind: str
    channel: str
    state: str
    reason: NotRequired[str]
    text: NotRequired[str]
    coupon_id: NotRequired[str]
    cause: NotRequired[str]
    created_at: str
    sent_at: NotRequired[str]


class RecordBlock(TypedDict):
    """A block of the student; `kind` `sub` is a revocation of tokens."""

    id: str
    kind: str
    reason: str
    created_by: str
    created_at: str
    until: NotRequired[str]
    ended_at: NotRequired[str]


class RecordAct(TypedDict):
    """An act on the student."""

    id: str
    at: str
    actor: str
    action: str
    detail: dict[str, object]


class RecordJob(TypedDict):
    """An export or erasure of the student."""

    id: str
    kind: str
    state: str
    created_by: str
    created_at: str
    done_at: NotRequired[str]


class StudentRecord(TypedDict):
    """The newest rows of each section. `more`: section -> the `after` with which it goes on. `profile` is
    absent for a student of whom the school has told nothing."""

    id: str
    profile: NotRequired[Student]
    balance: list[RecordBalance]
    coupons: NotRequired[list[RecordCoupon]]
    claims: NotRequired[list[RecordClaim]]
    orders: NotRequired[list[RecordOrder]]
    refunds: NotRequired[list[RecordRefunds]]
    balance_entries: NotRequired[list[RecordEntry]]
    messages: NotRequired[list[RecordMessage]]
    blocks: NotRequired[list[RecordBlock]]
    acts: NotRequired[list[RecordAct]]
    jobs: NotRequired[list[RecordJob]]
    more: dict[RecordSection, str]
