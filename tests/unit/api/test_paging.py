from dataclasses import dataclass

import pytest
from pydantic import ValidationError

from server.api.http.paging import PageQuery, first_page


@dataclass(frozen=True)
class Thing:
    id: str


THINGS = [Thing("c"), Thing("b"), Thing("a")]


def test_a_page_with_more_behind_it_names_its_last_one() -> None:
    assert first_page(THINGS, 2) == (THINGS[:2], "b")


@pytest.mark.parametrize("limit", [3, 4])
def test_the_last_page_names_no_next(limit: int) -> None:
    assert first_page(THINGS, limit) == (THINGS, None)


def test_an_empty_list_is_a_page() -> None:
    assert first_page([], 5) == ([], None)


def test_50_is_the_limit_where_none_is_given() -> None:
    assert PageQuery.model_validate({}).limit == 50


@pytest.mark.parametrize(
    "query",
    [{"limit": "0"}, {"limit": "201"}, {"limit": "x"}, {"after": "a b"}, {"after": "x" * 41}],
)
def test_a_limit_is_1_to_200_and_a_cursor_an_id(query: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        PageQuery.model_validate(query)
