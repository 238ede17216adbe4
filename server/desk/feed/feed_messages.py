"""The messages of a room's feed, and their JSON: publications, confirmations and losses of claims.

Made by flows and published by feed.py; parsed by the gateway. Instants are ms UTC by Redis' clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

import orjson

from server.core.drops.drops import RoomDrop
from server.core.drops.winner_names import NamedWinners
from server.core.ids import CouponId, DropId, StudentId
from server.desk.feed import room_drops


class FeedKind(StrEnum):
    """The kinds of publications about a drop."""

    OPENED = "opened"
    CHANGED = "changed"
    CLOSED = "closed"
    SEALED = "sealed"  # an open draw: no entry can change any more; a closed drop: no claim
    DRAWN = "drawn"  # its winners are known


@dataclass(frozen=True, slots=True)
class Publication:
    """One step of a room's feed.

    `offset` counts up by one; `epoch` changes when offsets start again. `at` is when it was published, None
    if a process of an earlier version did it.
    """

    kind: FeedKind
    epoch: str
    offset: int
    drop: RoomDrop
    at: int | None = None


class Confirmation(NamedTuple):
    """A claim that the ledger has. `coupon` is the JSON for `claim_confirmed`.

    A tuple, because thousands are made in a second.
    """

    student: StudentId
    drop_id: DropId
    coupon: bytes


class Confirmations(NamedTuple):
    """The confirmations of one message. `epoch` is that of the room's feed, None if a process of an earlier
    version published them.
    """

    epoch: str | None
    confirmations: list[Confirmation]


@dataclass(frozen=True, slots=True)
class Loss:
    """A claim that was released or revoked. `frame` is the type of the frame for its student."""

    frame: str  # coupon_released | claim_revoked
    student: StudentId
    drop_id: DropId
    coupon_id: CouponId | None
    reason: str


@dataclass(frozen=True, slots=True)
class Losses:
    """The losses of one message. `offset` counts messages of losses alone; None if a process of an earlier
    version published them: such a message cannot be counted.
    """

    epoch: str
    offset: int | None
    losses: tuple[Loss, ...]


WINNERS: Final = "winners"
_CONFIRMED = b'{"kind":"confirmed","claims":['
_EPOCH = b'\n],"epoch":"'
_END = b'"}'


def dump_confirmations(confirmations: Sequence[Confirmation]) -> bytes:
    """Return the message up to the value of its epoch, which publish_confirmations.lua appends.

    One line for each confirmation: names and ids need no escaping, and JSON contains no line end.
    """
    claims = [
        b'["%b","%b",%b]' % (student.encode(), drop_id.encode(), coupon)
        for student, drop_id, coupon in confirmations
    ]
    return _CONFIRMED + b"\n" + b",\n".join(claims) + _EPOCH


def load_confirmations(payload: bytes) -> Confirmations | None:
    """Parse a message of confirmations; None if it is of another kind.

    Splits at line ends and quotes: that takes a fifth of the time of parsing the JSON and writing it again.
    """
    if not payload.startswith(_CONFIRMED):
        return None
    lines, is_ours, epoch = payload[len(_CONFIRMED) + 1 :].rpartition(_EPOCH)
    if not is_ours:  # published by a process of an earlier version
        claims = orjson.loads(payload)["claims"]
        old = [Confirmation(who, drop_id, orjson.dumps(coupon)) for who, drop_id, coupon in claims]
        return Confirmations(None, old)
    found = []
    for line in lines.splitlines():
        _, student, _, drop_id, coupon = line.rstrip(b",").split(b'"', 4)
        names = StudentId(student.decode()), DropId(drop_id.decode())
        found.append(Confirmation(*names, coupon[1:-1]))
    return Confirmations(epoch.removesuffix(_END).decode(), found)


def load_publication(message: Mapping[str, object]) -> Publication:
    """Parse a message of publish.lua."""
    at = message.get("at")
    return Publication(
        kind=FeedKind(str(message["kind"])),
        epoch=str(message["epoch"]),
        offset=int(str(message["offset"])),
        drop=room_drops.of_fields(message["drop"]),
        at=at if isinstance(at, int) else None,
    )


def load_losses(message: Mapping[str, Any]) -> Losses:
    """Parse a message of publish_losses.lua of the kind `lost`."""
    offset = message.get("offset")
    return Losses(
        str(message.get("epoch", "")),
        offset if isinstance(offset, int) else None,
        tuple(Loss(*claim) for claim in message["claims"]),
    )


def dump_winners(drop_id: str, named: NamedWinners) -> bytes:
    """Return the message of a gateway about winners of a drop."""
    fields = {"drop_id": drop_id, "names": named.names, "more": named.more}
    return orjson.dumps({"kind": WINNERS, **fields})


def load_winners(message: Mapping[str, Any]) -> tuple[str, NamedWinners]:
    """Parse a message of `dump_winners`: the drop's id and the names."""
    return message["drop_id"], NamedWinners(tuple(message["names"]), message["more"])
