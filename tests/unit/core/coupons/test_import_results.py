"""The words of a result file: each row says what became of it."""

import pytest

from server.core.coupons.import_results import detail_of, outcome_of


@pytest.mark.parametrize(
    ("fault", "outcome", "is_taken_back", "said"),
    [
        (None, "issued", False, "issued"),
        (None, "limit_reached", False, "limit_reached"),
        (None, "issued", True, "taken_back"),
        (None, None, False, "not_issued_yet"),
        ("duplicate", "issued", False, "duplicate"),
        ("missing", None, False, "bad"),
    ],
)
def test_a_row_says_what_became_of_it(
    fault: str | None, outcome: str | None, is_taken_back: bool, said: str
) -> None:
    assert outcome_of(fault, outcome, is_taken_back=is_taken_back) == said


def test_a_row_without_an_item_says_why() -> None:
    assert detail_of("duplicate", "student", 5) == "row 5"
    assert detail_of("missing", "student", None) == "student: missing"
    assert detail_of(None, None, None) == ""
