"""The rules of offers."""

from dataclasses import replace

import pytest

from server.core.ids import BatchId, StudentId
from server.core.offers.offers import (
    MAX_SECONDS,
    MAX_STUDENTS,
    MIN_SECONDS,
    Offer,
    OfferForm,
    OfferState,
    can_end,
    limited_among,
    violations,
)
from server.core.offers.roster import MAX_SHOWN

ANN, BEN, CAT = StudentId("ann"), StudentId("ben"), StudentId("cat")
FORM = OfferForm(BatchId("bat_1"), (ANN,), 600)
OFFER = Offer(
    id="ofr_1",
    group_id="ofg_1",
    room="r",
    batch_id=BatchId("bat_1"),
    student=ANN,
    state=OfferState.OFFERED,
    expires_at=2,
    created_by="tea",
    created_at=1,
)


def test_a_good_form_has_no_violations() -> None:
    assert list(violations(FORM)) == []


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"students": ()}, "students", "required"),
        (
            {"students": tuple(StudentId(f"s{n}") for n in range(MAX_STUDENTS + 1))},
            "students",
            "too_many",
        ),
        ({"expires_in_seconds": MIN_SECONDS - 1}, "expires_in_seconds", "too_small"),
        ({"expires_in_seconds": MAX_SECONDS + 1}, "expires_in_seconds", "too_large"),
        ({"metadata": {f"k{n}": "v" for n in range(21)}}, "metadata", "too_many"),
    ],
)
def test_each_limit_is_named(change: dict[str, object], field: str, code: str) -> None:
    broken = list(violations(replace(FORM, **change)))  # type: ignore[arg-type]
    assert [(one.field, one.code) for one in broken] == [(field, code)]


def test_a_tag_may_mean_nobody_and_five_hundred_at_most() -> None:
    many = tuple(StudentId(f"s{n}") for n in range(MAX_SHOWN + 1))
    nobody, most = (
        replace(FORM, tag="vip", students=()),
        replace(FORM, tag="vip", students=many[1:]),
    )
    (broken,) = violations(replace(FORM, tag="vip", students=many))

    assert [*violations(nobody), *violations(most)] == []
    assert (broken.field, broken.code) == ("tag", "too_many")


def test_a_name_that_stands_twice_counts_once() -> None:
    assert list(violations(replace(FORM, students=(ANN,) * (MAX_STUDENTS + 1)))) == []


def test_who_has_an_offer_or_all_coupons_gets_no_further_offer() -> None:
    found = limited_among([ANN, BEN, CAT], {ANN: 2, BEN: 1}, [CAT], per_student=2)
    assert found == {ANN, CAT}


@pytest.mark.parametrize("state", OfferState)
def test_only_an_open_offer_that_nobody_accepts_can_end(state: OfferState) -> None:
    is_open = state in (OfferState.OFFERED, OfferState.SEEN)
    assert can_end(replace(OFFER, state=state)) is is_open
    assert not can_end(replace(OFFER, state=state, issuance_id="iss_1"))
