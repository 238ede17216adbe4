"""Experiments that may start, and who is in which share."""

import hashlib
from dataclasses import replace

import pytest

from server.core.experiments.experiments import (
    HELD_OUT,
    Experiment,
    ExperimentState,
    KnownBatch,
    Variant,
    group_of,
    splits_of,
    violations,
)
from server.core.ids import BatchId
from server.core.promotions.splits import PLACES, place_of

A, B = BatchId("bat_a"), BatchId("bat_b")
FRESH = KnownBatch("CNY", is_used=False, is_in_experiment=False)


def experiment(*shares: int, hold_out: int = 0) -> Experiment:
    ids = [A, B, BatchId("bat_c")]
    return Experiment(
        id="exp_1",
        name="20 or 30",
        variants=tuple(Variant(one, share) for one, share in zip(ids, shares, strict=False)),
        hold_out=hold_out,
        currency="CNY",
        state=ExperimentState.RUNNING,
        created_by="op",
        created_at=0,
    )


def codes(of: Experiment, *batches: KnownBatch) -> list[tuple[str, str]]:
    known = dict(zip([A, B, BatchId("bat_c")], batches or [FRESH] * 3, strict=False))
    return [(one.field, one.code) for one in violations(of, known)]


@pytest.mark.parametrize(
    "good",
    [experiment(50, 50), experiment(45, 45, hold_out=10), experiment(50, 50, hold_out=10)],
)
def test_shares_add_up_with_or_without_the_hold_out(good: Experiment) -> None:
    assert codes(good) == []


def test_one_batch_is_compared_with_the_hold_out() -> None:
    assert codes(experiment(90, hold_out=10)) == []
    assert codes(experiment(100)) == [("variants", "nothing_to_compare")]


@pytest.mark.parametrize(
    ("bad", "field", "code"),
    [
        (experiment(50, 40), "variants", "not_100"),
        (experiment(50, 50, hold_out=-1), "hold_out", "too_small"),
        (experiment(50, 50, hold_out=91), "hold_out", "too_large"),
    ],
)
def test_shares_that_do_not_add_up_are_refused(bad: Experiment, field: str, code: str) -> None:
    assert (field, code) in codes(bad)


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (KnownBatch("CNY", is_used=True, is_in_experiment=False), "in_use"),
        (KnownBatch("CNY", is_used=False, is_in_experiment=True), "in_experiment"),
        (KnownBatch("USD", is_used=False, is_in_experiment=False), "currency"),
    ],
)
def test_batches_must_be_fresh_and_of_one_currency(second: KnownBatch, code: str) -> None:
    assert codes(experiment(50, 50), FRESH, second) == [("variants.1.batch_id", code)]


def test_unknown_batches_and_a_batch_named_twice_are_refused() -> None:
    assert codes(experiment(50, 50), FRESH) == [("variants.1.batch_id", "unknown")]
    twice = replace(experiment(50, 50), variants=(Variant(A, 50), Variant(A, 50)))
    assert codes(twice) == [("variants.1.batch_id", "duplicate")]


@pytest.mark.parametrize("of", [experiment(45, 45, hold_out=10), experiment(50, 50, hold_out=10)])
def test_the_rest_is_split_in_proportion(of: Experiment) -> None:
    first, second = splits_of(of)
    assert (first.from_place, first.until_place, first.held_out) == (1_000, 5_500, 1_000)
    assert (second.from_place, second.until_place) == (5_500, PLACES)


def test_everybody_is_in_one_group_or_held_out_and_about_as_many_as_the_shares_say() -> None:
    of = experiment(30, 60, hold_out=10)
    splits = splits_of(of)
    groups = [group_of(splits, f"student-{number}") for number in range(10_000)]
    assert groups.count(HELD_OUT) == pytest.approx(1_000, abs=150)
    assert groups.count(0) == pytest.approx(3_000, abs=250)
    assert set(groups) == {HELD_OUT, 0, 1}


def test_who_is_held_out_is_in_no_share() -> None:
    (split,) = splits_of(experiment(50, hold_out=50))
    for number in range(50):
        assert split.leaves_out(f"s{number}") is not split.admits(f"s{number}")


def test_the_place_is_the_documented_hash() -> None:
    digest = hashlib.sha256(b"experiment|exp_1|ann").digest()
    assert place_of("exp_1", "ann") == int.from_bytes(digest[:8], "big") % 10_000
