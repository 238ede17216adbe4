import pytest

from server.core.ids import StudentId
from server.core.offers.roster import Present, RosterSearch, page_of

WANG = Present(StudentId("s-17"), "Wang Xiaoming", ("new", "vip"))
NAMELESS = Present(StudentId("Ann"))


@pytest.mark.parametrize("begins", ["", "s-1", "S-17", "wang", "XIAO", " wang x"])
def test_a_student_is_found_by_the_beginning_of_the_id_or_of_a_word_of_the_name(
    begins: str,
) -> None:
    assert RosterSearch(begins).finds(WANG)


@pytest.mark.parametrize("begins", ["17", "ang", "ming", "wang  x"])
def test_a_part_in_the_middle_finds_nobody(begins: str) -> None:
    assert not RosterSearch(begins).finds(WANG)


def test_a_tag_is_found_whole_and_together_with_the_text() -> None:
    assert RosterSearch(tag="vip").finds(WANG)
    assert RosterSearch("wang", "vip").finds(WANG)
    assert not RosterSearch(tag="vi").finds(WANG)
    assert not RosterSearch("li", "vip").finds(WANG)
    assert not RosterSearch(tag="vip").finds(NAMELESS)


def test_a_student_without_a_name_is_found_by_the_id() -> None:
    assert RosterSearch("ann").finds(NAMELESS)
    assert not RosterSearch("bob").finds(NAMELESS)


def test_pages_are_in_the_order_of_ids() -> None:
    here = [Present(StudentId(one)) for one in ("c", "a", "b")]

    assert [one.id for one in page_of(here, None, 2)] == ["a", "b"]
    assert [one.id for one in page_of(here, "b", 2)] == ["c"]
