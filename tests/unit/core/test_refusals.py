"""Refusals: what a caller is told of a field."""

from server.core.refusals import Code, invalid_field


def test_a_refused_field_is_named_with_its_code() -> None:
    refused = invalid_field("discount.percent", "too_large")
    assert (refused.code, refused.detail) == (Code.INVALID_FIELD, "discount.percent: too_large")
    assert refused.facts == {"errors": [{"field": "discount.percent", "code": "too_large"}]}


def test_a_detail_takes_the_place_of_the_usual_one() -> None:
    assert invalid_field("name", "too_long", "at most 60").detail == "at most 60"
