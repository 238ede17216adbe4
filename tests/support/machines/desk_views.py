"""Views of a drop on the desk, read from its keys and from the model, so that the two can be compared.

Called by `desk_machine.py`.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from server.core.drops.claims import ClaimState
from server.core.drops.drops import Allotment, Window
from server.core.ids import ClaimId, Slot, Unit
from server.desk.claims import claim_record
from server.desk.claims.claim_record import HeldClaim
from tests.support.machines.model_desk import ModelClaim, ModelDrop


@dataclass(frozen=True, slots=True)
class DropSeen:
    """All that a desk says of one drop."""

    window: Window | None
    closed_at: int | None
    extended_by: str | None
    allotments: list[Allotment]
    quantity: int
    free_units: list[int]
    live: int
    won_total: int
    confirmed: int
    openings: int
    window_version: int
    taps: int
    last_won_at: int | None
    holders: dict[str, HeldClaim]


def held_of(claim: ModelClaim) -> HeldClaim:
    return HeldClaim(
        claim.state,
        ClaimId(claim.claim_id),
        Unit(claim.unit),
        Slot(claim.slot),
        claim.request_id,
        claim.won_at,
        claim.coupon,
    )


def drop_meant(drop: ModelDrop) -> DropSeen:
    return DropSeen(
        window=drop.window,
        closed_at=drop.closed_at,
        extended_by=drop.extended_by,
        allotments=drop.allotments,
        quantity=drop.quantity,
        free_units=drop.free_units,
        live=len(drop.live),
        won_total=len(drop.claims),
        confirmed=sum(claim.state is ClaimState.CONFIRMED for claim in drop.claims.values()),
        openings=drop.openings,
        window_version=drop.window_version,
        taps=drop.taps,
        last_won_at=drop.last_won_at,
        holders={student: held_of(claim) for student, claim in drop.claims.items()},
    )


def drop_seen(row: list[Any]) -> DropSeen:
    fields, holders, returned, *seconds_left = row
    text = {name.decode(): value.decode() for name, value in fields.items()}
    number = {
        name: int(text.get(name, 0)) for name in ("quantity", "live", "won_total", "confirmed")
    }
    closed_at = text.get("closed_at")
    # -2: not there, -1: for ever. A closed drop goes away by itself, as a whole.
    assert all((left == -1) == (closed_at is None) for left in seconds_left if left != -2)
    first_never_taken = int(text.get("next", 1))
    came_back = [int(unit) for unit in returned]
    assert all(unit < first_never_taken for unit in came_back)
    window = Window(int(text["opens_at"]), int(text["closes_at"])) if "opens_at" in text else None
    allotments = [Allotment(a[2], a[0], a[1]) for a in orjson.loads(text.get("allotments", "[]"))]
    numbered = allotments[-1].last if allotments else 0
    return DropSeen(
        window=window,
        closed_at=int(closed_at) if closed_at else None,
        extended_by=text.get("extended_by"),
        allotments=allotments,
        free_units=[*came_back, *range(first_never_taken, numbered + 1)],
        holders={
            student.decode(): claim_record.parse(record) for student, record in holders.items()
        },
        quantity=number["quantity"],
        live=number["live"],
        won_total=number["won_total"],
        confirmed=number["confirmed"],
        openings=int(text.get("openings", 1)),
        window_version=int(text.get("window_version", 0)),
        taps=int(text.get("taps", number["won_total"])),
        last_won_at=int(text["last_won_at"]) if "last_won_at" in text else None,
    )


def slots_seen(used: bytes) -> list[int]:
    return [int(slot) for slot in used.decode().strip(",").split(",")]


def keep_promises(seen: DropSeen) -> None:
    """The same whatever the model thinks."""
    live = [
        one for one in seen.holders.values() if one.state in (ClaimState.WON, ClaimState.CONFIRMED)
    ]
    units = [one.unit for one in live]
    assert len(set(units)) == len(units) <= seen.quantity, "I1: a unit twice, or one too many"
    assert len(units) == seen.live
    # A reopened drop offers fewer units than have a number of it: the others are back in the batch.
    numbered = seen.allotments[-1].last if seen.allotments else 0
    assert len(units) + len(seen.free_units) == numbered >= seen.quantity, (
        "I6: units that nobody can account for"
    )
