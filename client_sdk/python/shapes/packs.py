"""Packs: several coupons that a student gets together, all of them or none; or one by who they are."""

from typing import NotRequired, TypedDict

from client_sdk.python.shapes.audiences import Rule


class PackItemForm(TypedDict):
    """`count` coupons of a batch, one where it is left out."""

    batch_id: str
    count: NotRequired[int]


# For whoever fulfils `if`, or is in the audience; for everybody without either.
PackVariantForm = TypedDict(
    "PackVariantForm",
    {"if": NotRequired[Rule | None], "audience_id": NotRequired[str | None], "batch_id": str},
)


class PackForm(TypedDict):
    """Either `items`, at most 20 coupons together, or `variants`: a student gets the first they fulfil."""

    name: str
    items: NotRequired[list[PackItemForm] | None]
    variants: NotRequired[list[PackVariantForm] | None]
    metadata: NotRequired[dict[str, str] | None]


class PackItem(TypedDict):
    """`count` coupons of a batch."""

    batch_id: str
    count: int


PackVariant = TypedDict(
    "PackVariant",
    {"if": NotRequired[Rule], "audience_id": NotRequired[str], "batch_id": str},
)


class VariantPreview(TypedDict):
    """`matching` students fulfil it; of `chosen` of them it is the first."""

    batch_id: str
    matching: int
    chosen: int


class PackPreview(TypedDict):
    """Students that Classdrop knows: `overlapping` of them fulfil several conditions, `without` none."""

    variants: list[VariantPreview]
    overlapping: int
    without: int


class Pack(TypedDict):
    """A pack. It is never changed. `items` or `variants` are empty."""

    id: str
    name: str
    items: list[PackItem]
    variants: list[PackVariant]
    created_by: str
    created_at: str
    metadata: dict[str, str]


class Packs(TypedDict):
    """A page of packs, newest first. `next` is null on the last page."""

    packs: list[Pack]
    next: str | None
