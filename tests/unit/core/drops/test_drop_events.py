"""Events of a drop tell its quantity and its window."""

from server.core.drops import drop_events
from server.core.drops.drop_events import ToldDrop
from server.core.drops.drops import Window

DROP = ToldDrop("drp_1", "math", "bat_1", 10)
FACTS = {"room": "math", "batch_id": "bat_1", "quantity": 10}
WINDOW = {"opens_at": "1970-01-01T00:00:01.000Z", "closes_at": "1970-01-01T00:00:02.000Z"}


def test_an_opening_and_a_change_have_the_window() -> None:
    for make in (drop_events.opened, drop_events.changed):
        event = make(DROP, Window(1_000, 2_000), 7)
        assert (event.subject, event.at, event.student) == ("drp_1", 7, None)
        assert event.data == {**FACTS, **WINDOW}


def test_an_end_has_what_went_back() -> None:
    event = drop_events.closed(DROP, "ended", 3, 7)
    assert event.data == {**FACTS, "returned": 3, "reason": "ended"}


def test_the_drop_of_a_link_tells_of_the_link() -> None:
    of_link = DROP._replace(room="@lnk_1")
    opened = drop_events.opened(of_link, Window(1_000, 2_000), 7)
    ended = drop_events.closed(of_link, "stopped", 3, 7)
    assert (opened.type, opened.subject, ended.type) == ("link.opened", "lnk_1", "link.ended")
    assert opened.data == {"drop_id": "drp_1", "batch_id": "bat_1", "quantity": 10, **WINDOW}


def test_a_seal_has_its_public_fields() -> None:
    event = drop_events.sealed(DROP, {"root": "ab", "count": 3}, 7)
    assert (event.type, event.subject) == ("drop.sealed", "drp_1")
    assert event.data == {**FACTS, "root": "ab", "count": 3}
