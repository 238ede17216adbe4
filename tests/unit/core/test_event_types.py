"""The table of events has every type, and each name has a form that receivers of webhooks accept."""

import re

import pytest

from server.core.event_types import KINDS, EventType


def test_the_table_has_every_type_in_their_order() -> None:
    assert list(KINDS) == list(EventType)


@pytest.mark.parametrize("type_", EventType)
def test_a_name_is_a_thing_a_dot_and_what_happened(type_: EventType) -> None:
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", type_.value)
    assert len(type_.value) <= 40  # the column
