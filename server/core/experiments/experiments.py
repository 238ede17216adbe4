"""Experiments: batches side by side, each for a share of all students, and maybe a share that gets nothing.

Used by flows/experiments, stored by ledger/experiments, published by the API. A batch in a running experiment
has the split of its share among its claim conditions, so a tap, a code, a link and an issuance keep to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Final

from server.core.ids import BatchId
from server.core.promotions.splits import PLACES, Split
from server.core.violations import Violation

MAX_VARIANTS: Final = 10
MAX_HOLD_OUT: Final = 90  # percent
KEPT_MS: Final = 400 * 86_400_000  # who was exposed, after the end; the result stays
_PERCENT: Final = 100
_PLACES_OF_PERCENT: Final = PLACES // _PERCENT


class ExperimentState(StrEnum):
    """The state of an experiment. After the end its batches are for everybody again, and nobody more is
    exposed."""

    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Variant:
    """A batch and its share, in percent. Shares add up to 100, or to 100 with the hold-out."""

    batch_id: BatchId
    share: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """An experiment as it stands. `hold_out`: percent of all students who get nothing. `currency`: of its
    batches, and of the orders that it counts. Instants are ms UTC."""

    id: str
    name: str
    variants: tuple[Variant, ...]
    hold_out: int
    currency: str
    state: ExperimentState
    created_by: str
    created_at: int
    ended_at: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KnownBatch:
    """A batch that is to be a variant, as far as it is known. `is_used`: it has drops, codes or coupons."""

    currency: str
    is_used: bool
    is_in_experiment: bool


def violations(experiment: Experiment, known: Mapping[BatchId, KnownBatch]) -> Iterator[Violation]:
    """Yield what is wrong with a new experiment. Its currency is that of the first batch."""
    if not 0 <= experiment.hold_out <= MAX_HOLD_OUT:
        yield Violation("hold_out", "too_small" if experiment.hold_out < 0 else "too_large")
    elif len(experiment.variants) == 1 and not experiment.hold_out:
        yield Violation("variants", "nothing_to_compare")
    if sum(each.share for each in experiment.variants) not in (
        _PERCENT,
        _PERCENT - experiment.hold_out,
    ):
        yield Violation("variants", "not_100")
    seen = set[BatchId]()
    for number, variant in enumerate(experiment.variants):
        code = _wrong_batch(known.get(variant.batch_id), experiment.currency)
        if variant.batch_id in seen:
            code = "duplicate"
        if code is not None:
            yield Violation(f"variants.{number}.batch_id", code)
        seen.add(variant.batch_id)


def _wrong_batch(batch: KnownBatch | None, currency: str) -> str | None:
    if batch is None:
        return "unknown"
    if batch.is_in_experiment:
        return "in_experiment"
    # Whoever has a coupon of it got it by another rule than the split.
    if batch.is_used:
        return "in_use"
    return "currency" if batch.currency != currency else None


def splits_of(experiment: Experiment) -> tuple[Split, ...]:
    """Return the split of each variant: the places behind the hold-out, in proportion to the shares."""
    held_out = experiment.hold_out * _PLACES_OF_PERCENT
    total = sum(each.share for each in experiment.variants)
    bounds, so_far = [held_out], 0
    for variant in experiment.variants:
        so_far += variant.share
        bounds.append(held_out + (PLACES - held_out) * so_far // total)
    return tuple(Split(experiment.id, start, end, held_out) for start, end in pairwise(bounds))


HELD_OUT: Final = -1


def group_of(splits: Sequence[Split], student: str) -> int:
    """Return the number of the student's variant, or HELD_OUT."""
    for number, split in enumerate(splits):
        if split.admits(student):
            return number
    return HELD_OUT
