"""Events: what has happened, in the order of their numbers."""

from typing import TypedDict


class Event(TypedDict):
    """`type` is one of PROTOCOL.md's table of events; a later server may know more. `seq` is 1, 2, 3, …;
    `subject` the id of what the event is about."""

    seq: int
    id: str
    type: str
    at: str
    subject: str
    data: dict[str, object]


class Events(TypedDict):
    """A page of events, oldest first. `next`: the `after` of the next call, never null."""

    events: list[Event]
    next: int
