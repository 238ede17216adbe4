"""The frame that tells a room's members of one publication of its feed. Used by `room.py`; does no IO."""

from collections.abc import Callable

from server.core.drops.drops import RoomDrop
from server.desk.feed.feed_messages import FeedKind, Publication
from server.frames import wire
from server.gateway.sockets.frames import text_frame


def frame_of(
    publication: Publication, public_drop: Callable[[], dict[str, object]], now: int
) -> bytes:
    """Return the frame, ready to be written. `public_drop` makes the whole drop, where it is needed: only an
    opening and a change of what a card shows send it.
    """
    drop, epoch, offset = publication.drop, publication.epoch, publication.offset
    match publication.kind:
        case FeedKind.OPENED:
            text = wire.drop_frame("drop_opened", public_drop(), epoch, offset)
        case FeedKind.CLOSED:
            reason = wire.public_reason(drop.close_reason)
            text = wire.drop_closed(drop.id, reason, drop.closed_at or now, epoch, offset)
        case FeedKind.SEALED:
            text = _sealed(drop, epoch, offset)
        case FeedKind.DRAWN if drop.draw is not None:
            text = wire.draw_done(drop.id, drop.draw, epoch, offset)
        case _:
            text = wire.drop_frame("drop_changed", public_drop(), epoch, offset)
    return text_frame(text)


def _sealed(drop: RoomDrop, epoch: str, offset: int) -> bytes:
    if drop.draw is not None and drop.closed_at is None:
        return wire.draw_sealed(drop.id, drop.draw, epoch, offset)
    return wire.drop_sealed(drop.id, drop.seal, epoch, offset)
