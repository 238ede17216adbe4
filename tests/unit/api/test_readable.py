"""Every text of a body that people read is of the shared kind that refuses what cannot be read."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from server.api.app import ENDPOINTS
from server.api.http.fields import (
    Body,
    Description,
    Message,
    Metadata,
    Readable,
    ReadingContext,
    ShortText,
    Title,
    Url,
)

CONTEXT = ReadingContext(ZoneInfo("UTC"))
BODIES = sorted(
    {each.body for each in ENDPOINTS if not each.uploads}, key=lambda body: body.__name__
)
# Read leniently on purpose, or limited to a few letters by rules of their own.
OTHERWISE = {"codes", "code", "coupons", "code_prefix"}


def plain_texts(hint: Any, kinds: tuple[Any, ...] = ()) -> Iterator[bool]:
    """Yield for each text in this type whether it is readable, or limited by a pattern."""
    if get_origin(hint) is Annotated:
        inner, *found = get_args(hint)
        yield from plain_texts(inner, (*kinds, *found))
    elif hint is str:
        patterns = [getattr(kind, "pattern", None) for kind in kinds]
        known = [each for kind in kinds for each in getattr(kind, "metadata", ())]
        patterns += [getattr(each, "pattern", None) for each in known]
        yield Readable in kinds or any(patterns)
    elif isinstance(hint, type) and issubclass(hint, BaseModel):
        for name, of_field in get_type_hints(hint, include_extras=True).items():
            if name not in OTHERWISE and not name.startswith("model_"):
                yield from plain_texts(of_field)
    elif get_origin(hint) in (Union, UnionType, list, dict, tuple):
        for part in get_args(hint):
            yield from plain_texts(part)
    else:
        assert get_origin(hint) is Literal or not get_args(hint), hint


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_every_text_of_a_body_is_readable(body: type[Body]) -> None:
    assert all(plain_texts(body))


def test_a_plain_text_would_be_found() -> None:
    class Plain(Body):
        name: str

    assert list(plain_texts(Plain)) == [False]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((kind, "\u3164") for kind in (Title, Message, Description, ShortText, Url)),
        (Metadata, {"\u200b": "x"}),
        (Metadata, {"x": "\u202e"}),
    ],
)
def test_what_cannot_be_read_is_refused_in_what_is_sent(kind: Any, value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(value, context=CONTEXT)


def test_what_was_stored_before_is_shown() -> None:
    assert TypeAdapter(Title).validate_python("\u3164") == "\u3164"
