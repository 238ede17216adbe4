"""Codes that are made without a drop."""

from typing import Literal, NotRequired, TypedDict

CodeSource = Literal["list", "link"]
CodeState = Literal[
    "unbound", "usable", "locked", "redeemed", "expired", "released", "revoked", "voided"
]


class CodeRun(TypedDict):
    """A request for `quantity` codes, of which `made` exist. The server makes the rest by itself."""

    id: str
    batch_id: str
    source: CodeSource
    quantity: int
    made: int
    metadata: dict[str, str]
    created_at: str


class ListedCode(TypedDict):
    """A code of a batch. It is `unbound` until a student has it."""

    id: str
    code: str
    state: CodeState
    source: str
    student: NotRequired[str]
    created_at: str
    bound_at: NotRequired[str]
    valid_from: NotRequired[str]
    valid_until: NotRequired[str]


class Codes(TypedDict):
    """A page of codes. `next` is null on the last page."""

    codes: list[ListedCode]
    next: str | None


class VoidedCode(TypedDict):
    """The state of a code after the call. It is null where the batch has no such code, and not `voided`
    where a student has the code."""

    code: str
    state: CodeState | None


class VoidedCodes(TypedDict):
    """The codes of the call, in its order."""

    codes: list[VoidedCode]
