"""The things that one typed text may name: an id of some kind, the code of a coupon, an order, a student.

Used by ledger/students/find.py, which looks, and by the API, which says which roles see which kind.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from server.core.identity import Role

MAX_TEXT: Final = 64  # the longest id of an order or a student


class FoundKind(StrEnum):
    """The kinds of things that are found by one text."""

    STUDENT = "student"
    COUPON = "coupon"
    ORDER = "order"
    TEMPLATE = "template"
    BATCH = "batch"
    CAMPAIGN = "campaign"
    PRICE_RULE = "price_rule"
    APPROVAL = "approval"
    DROP = "drop"
    ROOM = "room"
    LINK = "link"
    ISSUANCE = "issuance"
    AUDIENCE = "audience"
    IMPORT = "import"
    TRIGGER = "trigger"
    PACK = "pack"
    LOTTERY = "lottery"
    EXPERIMENT = "experiment"
    OFFER = "offer"
    MESSAGE = "message"
    WEBHOOK = "webhook"
    ALERT = "alert"
    ACT = "act"
    BLOCK = "block"
    JOB = "job"


# Where an id of this form leads. A claim leads to its coupon.
KINDS_BY_PREFIX: Final = {
    "cpn": FoundKind.COUPON,
    "clm": FoundKind.COUPON,
    "rdm": FoundKind.ORDER,
    "tpl": FoundKind.TEMPLATE,
    "bat": FoundKind.BATCH,
    "cmp": FoundKind.CAMPAIGN,
    "prl": FoundKind.PRICE_RULE,
    "apv": FoundKind.APPROVAL,
    "drp": FoundKind.DROP,
    "lnk": FoundKind.LINK,
    "iss": FoundKind.ISSUANCE,
    "aud": FoundKind.AUDIENCE,
    "imp": FoundKind.IMPORT,
    "trg": FoundKind.TRIGGER,
    "pck": FoundKind.PACK,
    "lot": FoundKind.LOTTERY,
    "exp": FoundKind.EXPERIMENT,
    "ofr": FoundKind.OFFER,
    "msg": FoundKind.MESSAGE,
    "whk": FoundKind.WEBHOOK,
    "alr": FoundKind.ALERT,
    "act": FoundKind.ACT,
    "blk": FoundKind.BLOCK,
    "rev": FoundKind.BLOCK,
    "ins": FoundKind.BLOCK,
    "job": FoundKind.JOB,
}
_OF_SUPPORT: Final = frozenset(
    {
        FoundKind.STUDENT,
        FoundKind.COUPON,
        FoundKind.ORDER,
        FoundKind.BATCH,
        FoundKind.ISSUANCE,
    }
)


class Found(NamedTuple):
    """A thing that was found. `id`: of an order the school's, of a coupon our own; fields that it does not
    have are None."""

    kind: FoundKind
    id: str
    name: str | None = None
    state: str | None = None
    student: str | None = None
    code: str | None = None
    room: str | None = None


def kind_of_id(text: str) -> FoundKind | None:
    """Return the kind of our own id that the text has the form of; None: it has that of no kind."""
    prefix, mark, rest = text.partition("_")
    return KINDS_BY_PREFIX.get(prefix) if mark and rest else None


def may_see(role: Role, found: Found) -> bool:
    """Return whether a person of this role may be led to it. Support sees what it works with. Only an
    operator sees a code that nobody has typed: whoever knows it can bind it."""
    if role is Role.OPERATOR:
        return True
    if found.kind is FoundKind.COUPON and found.student is None:
        return False
    return role is not Role.SUPPORT or found.kind in _OF_SUPPORT
