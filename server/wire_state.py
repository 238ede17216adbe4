"""A room's drops as bytes, within a bound: what a `welcome` and a snapshot hold of them.

Called by the gateway when it makes the part of a welcome that joiners share. Field names are those of
`server.wire.public_drop`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from server.core.drops.room_cards import shortened

# 200 drops as schools write them. A student on a line of 1 Mbit/s reads it in 2 s, and a client's library
# takes a message of 1 MB.
MAX_DROPS_BYTES: Final = 192 * 1024
MAX_CLAIMS_BYTES: Final = 64 * 1024

Shown = Mapping[str, Any]


def drops_within(drops: Sequence[Shown], most: int = MAX_DROPS_BYTES) -> dict[str, bytes]:
    """Drop id -> JSON, in the order given. What does not fit is told in fewer words, never cut: closed drops
    first, the one that closed first before the others; then closed drops are left out in the same order; at
    last drops that are still to be claimed are told in fewer words, and all of them stay."""
    texts = {str(drop["id"]): orjson.dumps(drop) for drop in drops}
    excess = sum(map(len, texts.values())) - most
    if excess <= 0:
        return texts
    closed = sorted((d for d in drops if "closed_at" in d), key=lambda d: str(d["closed_at"]))
    live = [drop for drop in drops if "closed_at" not in drop]
    excess -= _slim(texts, closed, excess)
    for drop in closed:
        if excess > 0:
            excess -= len(texts.pop(drop["id"]))
    _slim(texts, live, excess)
    return texts


def coupons_within(coupons: Sequence[tuple[str, bytes]], most: int = MAX_CLAIMS_BYTES) -> set[str]:
    """(drop id, coupon's JSON), the newest claim first -> of which drops the coupon is told. The others are
    in the student's wallet all the same."""
    told = set()
    for drop_id, coupon in coupons:
        most -= len(coupon)
        if most < 0:
            break
        told.add(drop_id)
    return told


def _slim(texts: dict[str, bytes], drops: Sequence[Shown], excess: int) -> int:
    """By how many bytes `texts` became shorter: as far as that is needed."""
    saved = 0
    for drop in drops:
        if saved >= excess:
            break
        slim = orjson.dumps(_in_fewer_words(drop))
        saved += len(texts[drop["id"]]) - len(slim)
        texts[drop["id"]] = slim
    return saved


def _in_fewer_words(drop: Shown) -> dict[str, object]:
    """Without artwork, description and message; of its scope one id of each list."""
    slim = {**drop, "description": "", "message": "", "scope": shortened(drop["scope"], 1)}
    style = {name: value for name, value in drop.get("style", {}).items() if name != "image"}
    slim.pop("style", None)
    return slim | {"style": style} if style else slim
