"""Access: accounts that get nothing for now, tokens that are refused, instructors who are stopped."""

from typing import Literal, NotRequired, TypedDict

BlockKind = Literal["student", "person", "device", "tag"]


class BlockForm(TypedDict):
    """The account that gets nothing. `until` absent: until the block is ended."""

    kind: BlockKind
    value: str
    reason: str
    until: NotRequired[str]
    metadata: NotRequired[dict[str, str] | None]


class Block(TypedDict):
    """A block. It is over once it was ended, or at `until`."""

    id: str
    kind: BlockKind
    value: str
    reason: str
    until: str | None
    metadata: dict[str, str]
    created_by: str
    created_at: str
    ended_by: str | None
    ended_at: str | None


class Blocks(TypedDict):
    """A page of the blocks in force, newest first. `next` is null on the last page."""

    blocks: list[Block]
    next: str | None


class RevocationForm(TypedDict, total=False):
    """Exactly one of `jti`, `sub` and `made_before`; the last one revokes the tokens of everybody."""

    jti: str
    sub: str
    made_before: str
    reason: str
    metadata: dict[str, str] | None


class Revocation(TypedDict):
    """A revocation. Tokens that say to be made from `made_before` on are good.

    At `until` the last token that it names has expired by itself.
    """

    id: str
    kind: Literal["jti", "sub", "made_before"]
    jti: str | None
    sub: str | None
    made_before: str | None
    reason: str
    metadata: dict[str, str]
    created_by: str
    created_at: str
    until: str


class Revocations(TypedDict):
    """A page of the revocations in force, newest first. `next` is null on the last page."""

    revocations: list[Revocation]
    next: str | None


class InstructorStop(TypedDict):
    """The stop of an instructor as it is now. The other fields are those of the last change."""

    instructor: str
    stopped: bool
    reason: str
    changed_by: str
    changed_at: str | None


class InstructorStops(TypedDict):
    """A page of the instructors who are stopped, newest stop first. `next` is null on the last page."""

    instructors: list[InstructorStop]
    next: str | None


WatchedKind = Literal["student", "person", "device", "campaign"]
WatchLevel = Literal["watch", "slow", "block"]
WatchSignal = Literal[
    "coupons_per_hour", "quick_wins", "unpaid_locks", "wrong_codes", "new_accounts"
]


class WatchReason(TypedDict):
    """A count, and the points for it. Of `quick_wins`: `of` all wins, and the share among the others."""

    signal: WatchSignal
    count: int
    points: int
    of: NotRequired[int]
    usual_percent: NotRequired[int]


class Watched(TypedDict):
    """A subject with points. `level` is an advice, by the points as they were at `seen_at`."""

    id: str
    kind: WatchedKind
    value: str
    points: int
    level: WatchLevel
    reasons: list[WatchReason]
    first_seen_at: str
    seen_at: str


class WatchList(TypedDict):
    """A page of subjects with points, newest first. `next` is null on the last page."""

    watched: list[Watched]
    next: str | None
