"""The events that tell a school of its draws.

Called by the flows of draws, in the transaction of each step.
"""

from server.core.drops.drop_events import ToldDrop
from server.core.event_types import Event, EventType


def sealed(drop: ToldDrop, entries: int, root: str, at: int) -> Event:
    """Return the event of a seal: which entries there are can change no more."""
    data = {**_facts(drop), "entries": entries, "root": root}
    return Event(EventType.DRAW_SEALED, at, drop.id, data)


def drawn(drop: ToldDrop, seed: str, winners: int, at: int) -> Event:
    """Return the event of a draw. Each winner's coupon.confirmed follows."""
    return Event(
        EventType.DRAW_DONE, at, drop.id, {**_facts(drop), "seed": seed, "winners": winners}
    )


def aborted(drop: ToldDrop, reason: str, at: int) -> Event:
    """Return the event of a draw that was given up; nobody wins."""
    return Event(EventType.DRAW_ABORTED, at, drop.id, {**_facts(drop), "reason": reason})


def _facts(drop: ToldDrop) -> dict[str, object]:
    return {"room": drop.room, "batch_id": drop.batch_id}
