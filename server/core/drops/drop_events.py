"""The events that tell a school of its drops.

Called by the flows of drops, in the transaction of the change.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from server.core import instants
from server.core.coupons.claim_sources import link_of
from server.core.drops.drops import Window
from server.core.event_types import Event, EventType


class ToldDrop(NamedTuple):
    """The facts of a drop that its events have in common. `quantity` includes top-ups."""

    id: str
    room: str
    batch_id: str
    quantity: int
    rehearsal: bool = False


def opened(drop: ToldDrop, window: Window, at: int) -> Event:
    """Return the event of a drop that went into its room; its window may begin later."""
    return _event(EventType.DROP_OPENED, drop, _window(window), at)


def reopened(drop: ToldDrop, window: Window, at: int) -> Event:
    """Return the event of a closed drop that was opened again, with more units."""
    return _event(EventType.DROP_REOPENED, drop, _window(window), at)


def changed(drop: ToldDrop, window: Window, at: int) -> Event:
    """Return the event of a top-up or an extension; both have the drop as it is since."""
    return _event(EventType.DROP_CHANGED, drop, _window(window), at)


def closed(drop: ToldDrop, reason: str, returned: int, at: int) -> Event:
    """Return the event of an end. `returned` units went back to the batch with it."""
    return _event(EventType.DROP_CLOSED, drop, {"returned": returned, "reason": reason}, at)


_OF_LINKS: Final = {
    EventType.DROP_OPENED: EventType.LINK_OPENED,
    EventType.DROP_REOPENED: EventType.LINK_OPENED,
    EventType.DROP_CHANGED: EventType.LINK_CHANGED,
    EventType.DROP_CLOSED: EventType.LINK_ENDED,
    EventType.DROP_SEALED: EventType.LINK_SEALED,
}


def _event(type_: EventType, drop: ToldDrop, more: Mapping[str, object], at: int) -> Event:
    link_id = link_of(drop.room)
    facts: dict[str, object] = {"batch_id": drop.batch_id, "quantity": drop.quantity}
    if drop.rehearsal:
        facts["rehearsal"] = True
    if link_id is not None:
        return Event(_OF_LINKS[type_], at, link_id, {"drop_id": drop.id, **facts, **more})
    return Event(type_, at, drop.id, {"room": drop.room, **facts, **more})


def sealed(drop: ToldDrop, seal: Mapping[str, object], at: int) -> Event:
    """Return the event of the seal of a closed drop; `seal` has its public fields."""
    return _event(EventType.DROP_SEALED, drop, seal, at)


def _window(window: Window) -> dict[str, object]:
    end = window.told_end
    return {
        "opens_at": instants.to_text(window.opens_at),
        "closes_at": None if end is None else instants.to_text(end),
    }
