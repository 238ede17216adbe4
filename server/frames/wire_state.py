"""Limits the size of a `welcome` and of a snapshot: which drops and coupons they contain, and how shortened.

Called by the gateway when it makes the part of a welcome that joiners share. Field names are those of
`server.frames.wire.public_drop`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from server.core.drops.room_cards import shortened

# Enough for 200 drops of usual size. At 1 Mbit/s it takes 2 s, and clients' libraries accept 1 MB.
MAX_DROPS_BYTES: Final = 192 * 1024
MAX_CLAIMS_BYTES: Final = 64 * 1024

PublicDrop = Mapping[str, Any]


def drops_within(drops: Sequence[PublicDrop], most: int = MAX_DROPS_BYTES) -> dict[str, bytes]:
    """Return drop id -> JSON, in the given order, with at most about `most` bytes in all.

    If the drops do not fit, three steps follow until they do: closed drops are shortened, the one that closed
    first before the others; closed drops are left out in the same order; live drops are shortened. A live
    drop is never left out.
    """
    texts = {str(drop["id"]): orjson.dumps(drop) for drop in drops}
    excess = sum(map(len, texts.values())) - most
    if excess <= 0:
        return texts
    closed = sorted((d for d in drops if "closed_at" in d), key=lambda d: str(d["closed_at"]))
    live = [drop for drop in drops if "closed_at" not in drop]
    excess -= _shorten(texts, closed, excess)
    for drop in closed:
        if excess > 0:
            excess -= len(texts.pop(drop["id"]))
    _shorten(texts, live, excess)
    return texts


def coupons_within(coupons: Sequence[tuple[str, bytes]], most: int = MAX_CLAIMS_BYTES) -> set[str]:
    """Return the drop ids whose coupon fits in `most` bytes; the others are in the student's wallet anyway.

    `coupons` are (drop id, coupon's JSON), newest claim first.
    """
    fitting = set()
    for drop_id, coupon in coupons:
        most -= len(coupon)
        if most < 0:
            break
        fitting.add(drop_id)
    return fitting


def _shorten(texts: dict[str, bytes], drops: Sequence[PublicDrop], excess: int) -> int:
    """Shorten drops in `texts`, in order, until `excess` bytes are saved; return how many were saved."""
    saved = 0
    for drop in drops:
        if saved >= excess:
            break
        short = orjson.dumps(_shortened(drop))
        saved += len(texts[drop["id"]]) - len(short)
        texts[drop["id"]] = short
    return saved


def _shortened(drop: PublicDrop) -> dict[str, object]:
    """Return the drop without artwork, description and message, and with one id of each list of its scope."""
    short = {**drop, "description": "", "message": "", "scope": shortened(drop["scope"], 1)}
    style = {name: value for name, value in drop.get("style", {}).items() if name != "image"}
    short.pop("style", None)
    return short | {"style": style} if style else short
