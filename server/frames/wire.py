"""Writes the frames of the socket; with coupon_frames.py the only module that knows their JSON.

Called by the gateway and the API (claim results, snapshot). client_frames.py parses what clients send.
`client_sdk/vectors.json` has an example of each frame, and tests compare this file with it.

Frames are JSON objects with `type` first. Instants are ms UTC here and RFC 3339 text in frames.
"""

from collections.abc import Mapping, Sequence

import orjson

from server.core.draws.entries import Entry
from server.core.drops.claims import ClaimState, Outcome
from server.core.drops.draw_cards import DrawCard
from server.core.drops.drops import CloseReason, DropState, RoomDrop
from server.core.drops.tasks import task_to_card
from server.core.drops.winner_names import NamedWinners
from server.core.instants import to_text


def public_drop(drop: RoomDrop, state: DropState, remaining: int) -> dict[str, object]:
    """Return `drop` of drop_opened, drop_changed and welcome; `id` comes first."""
    fields: dict[str, object] = {
        "id": drop.id,
        "state": state,
        "name": drop.name,
        "description": drop.description,
        "message": drop.message,
        "currency": drop.currency,
        "discount": drop.discount,
        "threshold": drop.threshold,
        "scope": drop.scope,
        "validity": drop.validity,
        "mode": drop.mode,
        "quantity": drop.quantity,
        "remaining": remaining,
        "opens_at": to_text(drop.window.opens_at),
        "closes_at": None if drop.window.is_open_end else to_text(drop.window.closes_at),
    }
    if drop.rehearsal:
        fields["rehearsal"] = True
    if drop.show_winners:
        fields["show_winners"] = True
    if drop.hold_seconds is not None:
        fields["hold_seconds"] = drop.hold_seconds
    if drop.use_url is not None:
        fields["use_url"] = drop.use_url
    if drop.deducts:
        fields["deducts"] = drop.deducts
    if drop.task is not None:
        fields["task"] = task_to_card(drop.task)
    if drop.style:
        fields["style"] = drop.style
    return fields | _draw_and_end(drop)


def _draw_and_end(drop: RoomDrop) -> dict[str, object]:
    fields: dict[str, object] = {}
    if drop.draw is not None:
        fields["draw"] = public_draw(drop.draw)
    if drop.closed_at is not None:
        fields["closed_at"] = to_text(drop.closed_at)
        fields["close_reason"] = public_reason(drop.close_reason)
        fields |= {"seal": drop.seal} if drop.seal else {}
    return fields


def public_draw(draw: DrawCard) -> dict[str, object]:
    """Return what a card shows of a draw: the commitment, and what is known in its phase."""
    fields = {
        "commitment": draw.commitment,
        "entries": draw.entries,
        "root": draw.root,
        "seed": draw.seed,
        "winners": draw.winners,
    }
    return {name: value for name, value in fields.items() if value is not None}


def drop_sealed(drop_id: str, seal: Mapping[str, object], epoch: str, offset: int) -> bytes:
    """Return a drop_sealed frame: which claims a closed drop has can change no more."""
    place = {"epoch": epoch, "offset": offset}
    return orjson.dumps({"type": "drop_sealed", "drop_id": drop_id, "seal": seal, **place})


def draw_sealed(drop_id: str, draw: DrawCard, epoch: str, offset: int) -> bytes:
    """Return a draw_sealed frame: which entries there are can change no more."""
    place = {"epoch": epoch, "offset": offset}
    seal = {"drop_id": drop_id, "entries": draw.entries, "root": draw.root}
    return orjson.dumps({"type": "draw_sealed", **seal, **place})


def draw_done(drop_id: str, draw: DrawCard, epoch: str, offset: int) -> bytes:
    """Return a draw_done frame: the winners are known, and each one's claim_confirmed follows."""
    place = {"epoch": epoch, "offset": offset}
    result = {"drop_id": drop_id, "seed": draw.seed, "winners": draw.winners}
    return orjson.dumps({"type": "draw_done", **result, **place})


def public_reason(reason: CloseReason | None) -> str:
    """Return the reason as students see it: a cancelled opening is `stopped` for them."""
    if reason in (None, CloseReason.CANCELLED):
        return CloseReason.STOPPED
    return reason


def drop_frame(kind: str, drop: Mapping[str, object], epoch: str, offset: int) -> bytes:
    """Return a drop_opened or drop_changed frame; `drop` is made by `public_drop`."""
    return orjson.dumps({"type": kind, "drop": drop, "epoch": epoch, "offset": offset})


def drop_closed(drop_id: str, reason: str, closed_at: int, epoch: str, offset: int) -> bytes:
    """Return a drop_closed frame."""
    return orjson.dumps(
        {
            "type": "drop_closed",
            "drop_id": drop_id,
            "reason": reason,
            "closed_at": to_text(closed_at),
            "epoch": epoch,
            "offset": offset,
        }
    )


def drop_progress(drop_id: str, remaining: int, state: DropState, more: Mapping[str, int]) -> bytes:
    """Return a drop_progress frame. `more` is `present` for students, all counters for instructors."""
    return orjson.dumps(
        {
            "type": "drop_progress",
            "drop_id": drop_id,
            "remaining": remaining,
            "state": state,
            **more,
        }
    )


def winners(drop_id: str, named: NamedWinners) -> bytes:
    """Return a winners frame: masked names of some who won since the last one, and how many won besides."""
    fields = {"drop_id": drop_id, "names": named.names, "more": named.more}
    return orjson.dumps({"type": "winners", **fields})


def presence(present: int) -> bytes:
    """Return a presence frame: for instructors, when the number of students in the room changes."""
    return orjson.dumps({"type": "presence", "present": present})


def claim_fields(
    request_id: str,
    drop_id: str,
    outcome: Outcome,
    retry_after_ms: int | None = None,
    limit: str | None = None,
    why: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Return claim_result without its type; also the response of POST /v1/drops/{id}/claims. `why` is
    last: a reply's bytes end with it.
    """
    fields: dict[str, object] = {
        "request_id": request_id,
        "drop_id": drop_id,
        "outcome": outcome,
    }
    if retry_after_ms is not None:
        fields["retry_after_ms"] = retry_after_ms
    if limit is not None:
        fields["limit"] = limit
    if why is not None:
        fields["why"] = why
    return fields


def entry_fields(request_id: str, drop_id: str, entry: Entry) -> dict[str, object]:
    """Return claim_result, without its type, for an entry in a draw."""
    fields = claim_fields(request_id, drop_id, Outcome.ENTERED)
    return {**fields, "receipt": entry.receipt(drop_id)}


def claim_result(fields: Mapping[str, object]) -> bytes:
    """Return a claim_result frame; `fields` are made by `claim_fields`."""
    return orjson.dumps({"type": "claim_result", **fields})


def claim_confirmed(drop_id: str, coupon: bytes) -> bytes:
    """Return a claim_confirmed frame. `coupon` is JSON, as the desk stores it. `drop_id` is one of our ids
    and needs no escaping.
    """
    return b'{"type":"claim_confirmed","drop_id":"%b","coupon":%b}' % (drop_id.encode(), coupon)


def claim_lost(frame: str, drop_id: str, coupon_id: str | None, reason: str) -> bytes:
    """Return a coupon_released or claim_revoked frame. A claim that was revoked before it was confirmed has
    no coupon.
    """
    coupon = {"coupon_id": coupon_id} if coupon_id else {}
    return orjson.dumps({"type": frame, "drop_id": drop_id, **coupon, "reason": reason})


def ping(now: int) -> bytes:
    """Return a ping frame with the server's time."""
    return orjson.dumps({"type": "ping", "now": to_text(now)})


def error(code: str, message: str, retry_after_ms: int | None = None) -> bytes:
    """Return an error frame; `code` is a code of PROTOCOL.md."""
    fields: dict[str, object] = {"type": "error", "code": code, "message": message}
    if retry_after_ms is not None:
        fields["retry_after_ms"] = retry_after_ms
    return orjson.dumps(fields)


def my_claim(drop_id: str, state: ClaimState, won_at: int, coupon: bytes) -> dict[str, object]:
    """Return one element of welcome's `claims`."""
    fields: dict[str, object] = {"drop_id": drop_id, "state": state, "won_at": to_text(won_at)}
    if coupon:
        fields["coupon"] = orjson.Fragment(coupon)
    return fields


def my_entry(drop_id: str, entry: Entry) -> dict[str, object]:
    """Return one element of welcome's `claims`, for an entry in a draw that has not won (yet)."""
    return {
        "drop_id": drop_id,
        "state": ClaimState.ENTERED,
        "won_at": to_text(entry.entered_at),
        "receipt": entry.receipt(drop_id),
    }


def welcome_head(
    *,
    room: str,
    now: int,
    epoch: str,
    offset: int,
    present: int,
    drops: Sequence[Mapping[str, object] | orjson.Fragment],
) -> bytes:
    """Return the beginning of a welcome, which all who join a room in the same state share; not closed."""
    return orjson.dumps(
        {
            "type": "welcome",
            "room": room,
            "now": to_text(now),
            "epoch": epoch,
            "offset": offset,
            "present": present,
            "drops": drops,
        }
    )[:-1]


def welcome_tail(
    student: str,
    claims: Sequence[Mapping[str, object]],
    tasks: Sequence[Mapping[str, object]] = (),
) -> bytes:
    """Return the rest of a welcome, after `welcome_head`. `student` has passed the check of its token and
    needs no escaping. `tasks` is left out where no drop has one.
    """
    mine = orjson.dumps(claims) if claims else b"[]"
    more = b',"tasks":%b' % orjson.dumps(tasks) if tasks else b""
    return b',"student":"%b","claims":%b%b}' % (student.encode(), mine, more)
