"""The running order of a room: which prepared drops open by themselves, and when."""

from typing import Literal, NotRequired, TypedDict

from client_sdk.python.shapes.drops import DropState


class OrderEntryForm(TypedDict):
    """A prepared drop, and at most one moment. Without one it waits at its place for its teacher."""

    drop_id: str
    at: NotRequired[str]
    minute: NotRequired[int]
    video_seconds: NotRequired[int]


class OrderEntry(TypedDict):
    """An entry as it is. `reason`: the code of one that was refused. `due_at`: when it fires, where a clock
    says so and the order is not held."""

    drop_id: str
    at: NotRequired[str]
    minute: NotRequired[int]
    video_seconds: NotRequired[int]
    state: Literal["waiting", "fired", "missed", "refused"]
    reason: NotRequired[str]
    due_at: NotRequired[str]
    drop_state: DropState
    quantity: int


class RunningOrder(TypedDict):
    """The order, and the state of the class. While `held` nothing fires. `version`: changes with the drops,
    their places and their moments."""

    version: str
    entries: list[OrderEntry]
    held: bool
    held_by: NotRequired[str]
    started_at: str | None
    video_seconds: NotRequired[int]
    video_at: NotRequired[str]
    now: str


class ScreenLink(TypedDict):
    """A link for the projector: the page's URL with its token, which reads the room and does nothing."""

    url: str
    token: str
    expires_at: str
