from collections.abc import Callable

import pytest

from server.core import json_fields
from server.core.violations import MalformedError, Violation


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (json_fields.text, 5),
        (json_fields.integer, "5"),
        (json_fields.integer, 5.0),
        (json_fields.integer, True),
        (json_fields.flag, "yes"),
        (json_fields.texts, "a"),
        (json_fields.texts, ["a", 1]),
        (json_fields.text_pairs, ["a"]),
        (json_fields.instant, 5),
    ],
)
def test_a_value_of_another_type_is_named_by_its_path(
    read: Callable[[dict[str, object], str, str], object], value: object
) -> None:
    with pytest.raises(MalformedError) as raised:
        read({"key": value}, "key", "body")
    assert raised.value.violation == Violation("body.key", "wrong_type")


@pytest.mark.parametrize("read", [json_fields.text, json_fields.integer, json_fields.instant])
def test_a_value_that_is_needed_is_missed(
    read: Callable[[dict[str, object], str], object],
) -> None:
    with pytest.raises(MalformedError) as raised:
        read({"key": None}, "key")
    assert raised.value.violation == Violation("key", "missing")


@pytest.mark.parametrize(
    ("read", "absent"),
    [
        (json_fields.flag, False),
        (json_fields.optional_text, None),
        (json_fields.optional_integer, None),
        (json_fields.texts, frozenset()),
        (json_fields.text_pairs, {}),
    ],
)
def test_a_value_that_may_be_absent_has_its_own_nothing(
    read: Callable[[dict[str, object], str], object], absent: object
) -> None:
    assert read({}, "key") == absent


@pytest.mark.parametrize("written", ["2026-03-01", "2026-03-01T09:00:00", "noon", ""])
def test_a_time_without_an_offset_is_none(written: str) -> None:
    with pytest.raises(MalformedError) as raised:
        json_fields.instant({"at": written}, "at")
    assert raised.value.violation == Violation("at", "not_a_time")


def test_a_time_is_read_to_the_millisecond() -> None:
    assert json_fields.instant({"at": "1970-01-01T08:00:01.234+08:00"}, "at") == 1234


def test_an_object_is_needed_where_one_is_said() -> None:
    with pytest.raises(MalformedError) as raised:
        json_fields.mapping([], "body")
    assert raised.value.violation == Violation("body", "wrong_type")
