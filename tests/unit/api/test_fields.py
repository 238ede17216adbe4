from zoneinfo import ZoneInfo

import pytest
from pydantic import Field, ValidationError

from server.api.http.fields import (
    Amount,
    Body,
    FromDay,
    Instant,
    Metadata,
    Moment,
    RequestId,
    ResponseModel,
    Room,
    UntilDay,
    absent,
)
from server.api.http.fields import ReadingContext as Context
from server.core import instants

SHANGHAI = Context(ZoneInfo("Asia/Shanghai"))
BERLIN = Context(ZoneInfo("Europe/Berlin"))


class Window(Body):
    from_at: FromDay = Field(alias="from")
    until_at: UntilDay = Field(alias="until")


class Money(Body):
    amount: Amount


class Names(Body):
    room: Room = "r"
    request_id: RequestId = "q"
    metadata: Metadata = Field(default_factory=dict)


class At(Body):
    at: Instant


class Answered(ResponseModel):
    at: Moment
    maybe: str | None = absent()


def _window(start: str, end: str, context: Context) -> tuple[str, str]:
    window = Window.model_validate({"from": start, "until": end}, context=context)
    return instants.to_text(window.from_at), instants.to_text(window.until_at)


def test_a_date_alone_is_the_whole_day_in_the_schools_time_zone() -> None:
    assert _window("2026-03-01", "2026-03-01", SHANGHAI) == (
        "2026-02-28T16:00:00.000Z",
        "2026-03-01T16:00:00.000Z",
    )


def test_the_day_the_clocks_change_has_its_own_length() -> None:
    assert _window("2026-03-29", "2026-03-29", BERLIN) == (
        "2026-03-28T23:00:00.000Z",
        "2026-03-29T22:00:00.000Z",
    )


def test_an_instant_is_taken_as_it_is() -> None:
    assert _window("2026-03-01T09:00:00+08:00", "2026-03-01T09:00:00.5Z", SHANGHAI) == (
        "2026-03-01T01:00:00.000Z",
        "2026-03-01T09:00:00.500Z",
    )


@pytest.mark.parametrize(
    "text",
    ["2026-03-01T09:00:00", "2026-02-30", "0001-01-01", "9999-12-31", "soon", "", "2026-3-1"],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        _window(text, text, SHANGHAI)


@pytest.mark.parametrize("value", [True, 1.0, 1.5, "5", -1, 2**53, None, [], 1e300])
def test_an_amount_is_an_integer_from_0_that_javascript_can_hold(value: object) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"amount": value})


def test_a_field_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValidationError, match="colour"):
        Money.model_validate({"amount": 5, "colour": "red"})


@pytest.mark.parametrize("name", ["", "a b", "ä", "a\n", "x" * 65, "a/b", 5])
def test_a_room_has_a_name_of_few_characters(name: object) -> None:
    with pytest.raises(ValidationError):
        Names.model_validate({"room": name})


@pytest.mark.parametrize("metadata", [{"a": 1}, {str(n): "" for n in range(21)}, {"": "a"}, []])
def test_metadata_is_up_to_20_pairs_of_texts(metadata: object) -> None:
    with pytest.raises(ValidationError):
        Names.model_validate({"metadata": metadata})


@pytest.mark.parametrize("value", [5, None, True, "2026-03-01"])
def test_an_instant_is_a_text_with_an_offset(value: object) -> None:
    with pytest.raises(ValidationError):
        At.model_validate({"at": value})


def test_an_answer_leaves_out_what_it_has_nothing_to_say_about() -> None:
    assert Answered(at=0).model_dump(mode="json") == {"at": "1970-01-01T00:00:00.000Z"}
