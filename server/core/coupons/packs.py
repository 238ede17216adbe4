"""Packs: several coupons that a student gets together, all of them or none; or one by who they are.

Used by flows/coupons/packs.py and issue_grants.py, stored by ledger/coupons/packs.py, published by the API. A
pack is never changed: what was issued of it stays what it was.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from server.core.audiences.rules import rule_violations
from server.core.ids import BatchId
from server.core.promotions.batches import Batch
from server.core.violations import Violation

MAX_ITEMS: Final = 10
MAX_VARIANTS: Final = 10
MAX_COUPONS: Final = 20  # of one student, in one pack


@dataclass(frozen=True, slots=True)
class PackItem:
    """`count` coupons of a batch."""

    batch_id: BatchId
    count: int


@dataclass(frozen=True, slots=True)
class Variant:
    """A coupon of a batch for whoever fulfils the rule, or is in the audience; for everybody without either.

    `rule` is JSON as it was sent (core/audiences/rules.py). A student gets the first that they fulfil.
    """

    batch_id: BatchId
    rule: Mapping[str, Any] | None = None
    audience_id: str | None = None

    @property
    def is_for_everybody(self) -> bool:
        return self.rule is None and self.audience_id is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Either `items` or `variants` are empty."""

    id: str
    name: str
    items: tuple[PackItem, ...] = ()
    variants: tuple[Variant, ...] = ()
    created_by: str
    created_at: int
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def batches(self) -> tuple[BatchId, ...]:
        """Every batch of it, once."""
        of_items = [item.batch_id for item in self.items]
        of_variants = [variant.batch_id for variant in self.variants]
        return tuple(dict.fromkeys([*of_items, *of_variants]))

    @property
    def grant(self) -> tuple[BatchId, ...]:
        """The coupons of one student of a pack with items, as their batches."""
        return tuple(item.batch_id for item in self.items for _ in range(item.count))


@dataclass(frozen=True, slots=True)
class Known:
    """The batches and audiences of a pack that exist."""

    batches: Mapping[BatchId, Batch]
    audiences: Collection[str] = ()


def pack_violations(pack: Pack, known: Known) -> Iterator[Violation]:
    """Yield what is wrong with the pack."""
    if bool(pack.items) == bool(pack.variants):
        yield Violation(
            "variants" if pack.items else "items", "conflict" if pack.items else "missing"
        )
    if len(pack.grant) > MAX_COUPONS:
        yield Violation("items", "too_many")
    seen = set[BatchId]()
    for number, item in enumerate(pack.items):
        yield from _item_violations(f"items.{number}", item, known, seen)
        seen.add(item.batch_id)
    for number, variant in enumerate(pack.variants):
        is_over = any(each.is_for_everybody for each in pack.variants[:number])
        if is_over:
            yield Violation(f"variants.{number}", "unreachable")
        yield from _variant_violations(f"variants.{number}", variant, known)


def _item_violations(
    place: str, item: PackItem, known: Known, seen: Collection[BatchId]
) -> Iterator[Violation]:
    batch = known.batches.get(item.batch_id)
    if batch is None:
        yield Violation(f"{place}.batch_id", "unknown")
    elif item.batch_id in seen:
        yield Violation(f"{place}.batch_id", "duplicate")
    elif item.count > batch.per_student:
        yield Violation(f"{place}.count", "above_per_student")  # nobody could ever get it


def _variant_violations(place: str, variant: Variant, known: Known) -> Iterator[Violation]:
    if variant.batch_id not in known.batches:
        yield Violation(f"{place}.batch_id", "unknown")
    if variant.rule is not None:
        yield from rule_violations(variant.rule, f"{place}.if")
    if variant.audience_id is not None:
        if variant.rule is not None:
            yield Violation(f"{place}.audience_id", "conflict")
        elif variant.audience_id not in known.audiences:
            yield Violation(f"{place}.audience_id", "unknown")


@dataclass(frozen=True, slots=True)
class PackPreview:
    """Numbers of students: who fulfil each variant, and of whom it is the first. `overlapping` fulfil several
    of those with a condition, `without` none."""

    matching: tuple[int, ...]
    chosen: tuple[int, ...]
    overlapping: int
    without: int


def preview_of(pack: Pack, counted: Mapping[tuple[bool, ...], int]) -> PackPreview:
    """Return the preview. `counted`: how many students fulfil exactly these variants, in their order."""
    size = len(pack.variants)
    matching, chosen, overlapping, without = [0] * size, [0] * size, 0, 0
    conditional = [not each.is_for_everybody for each in pack.variants]
    for fulfilled, students in counted.items():
        places = [place for place, is_true in enumerate(fulfilled) if is_true]
        for place in places:
            matching[place] += students
        if places:
            chosen[places[0]] += students
        else:
            without += students
        if sum(conditional[place] for place in places) > 1:
            overlapping += students
    return PackPreview(tuple(matching), tuple(chosen), overlapping, without)
