"""An operator of the server changes the ledger at will, and a fresh process serves it over HTTP.

Each change fails a check that a student can make from the card, their receipt and the seal that the room was
told (promise I12).
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from client_sdk.python.draws import verify_draw, verify_receipt
from server.core.draws.entries import Entry
from server.core.drops.draw_cards import commitment_of
from server.core.merkle import root as merkle_root
from server.desk.feed.feed_messages import FeedKind
from server.flows.draws.drive_draws import drive_draws
from server.ledger.tables import draw_entries, draws
from server.tokens import TokenKeys
from tests.support.builders.api import Api, Json, api_parts, good, refused
from tests.support.builders.classroom import ROOM, now_ms
from tests.support.builders.web_processes import SchoolClock
from tests.support.gateways import SECRET, a_token
from tests.support.worker_rig import WorkerRig, everybody

pytestmark = pytest.mark.asyncio

STUDENTS = everybody(6)
Attack = Callable[[AsyncConnection, str], Awaitable[None]]


@pytest_asyncio.fixture
async def api(rig: WorkerRig) -> AsyncIterator[Api]:
    made = fresh(rig)
    async with made.clients:
        yield made


def fresh(rig: WorkerRig) -> Api:
    """Return a process that has nothing in memory."""
    clock = SchoolClock()
    parts = replace(api_parts(rig.ledger, rig.desk, clock), token_keys=TokenKeys((SECRET,)))
    return Api(parts, clock)


async def ask(api: Api, path: str, role: str = "student", body: Json | None = None) -> Any:
    client = await api.client(
        a_token("tina" if role == "instructor" else "s1", role=role, room=ROOM)
    )
    return await (client.get(path) if body is None else client.post(path, json=body))


async def entered(api: Api, drop_id: str) -> list[Json]:
    """Let everybody enter with random digits of their own; return their receipts."""
    receipts = []
    for number, student in enumerate(STUDENTS):
        client = await api.client(a_token(student, room=ROOM))
        body = {"request_id": "r1", "client_random": f"{number:032x}"}
        said = good(await client.post(f"/v1/drops/{drop_id}/claims", json=body))
        assert said["outcome"] == "entered"
        receipts.append(said["receipt"])
    return receipts


@dataclass(frozen=True, slots=True)
class Known:
    """The things that students of the room have kept: nobody can change them afterwards."""

    commitment: str
    receipts: list[Json]
    told_root: str

    def finds(self, document: Json) -> set[str]:
        wrong = set(verify_draw(document))
        if document["commitment"] != self.commitment:
            wrong.add("another commitment")
        if document["root"] != self.told_root:
            wrong.add("another root")
        if not all(verify_receipt(document, one) for one in self.receipts):
            wrong.add("a receipt")
        return wrong


async def drawn(rig: WorkerRig, api: Api) -> tuple[str, Known]:
    drop = await rig.classroom.opened(quantity=2, mode="draw")
    before = good(await ask(api, f"/v1/drops/{drop.id}/draw"))
    receipts = await entered(api, drop.id)
    good(await ask(api, f"/v1/rooms/{ROOM}/drops/{drop.id}/close", "instructor", {}))
    await drive_draws(rig.stores, now_ms())
    told = [one.drop.draw for one in await rig.classroom.told() if one.kind is FeedKind.SEALED]
    assert told[-1] is not None
    return drop.id, Known(before["commitment"], receipts, str(told[-1].root))


async def leaves_of(conn: AsyncConnection, drop_id: str) -> list[str]:
    its = draw_entries.c
    query = select(its.leaf).where(its.drop_id == drop_id).order_by(its.number)
    return list(await conn.scalars(query))


async def seal_anew(conn: AsyncConnection, drop_id: str) -> None:
    leaves = [bytes.fromhex(leaf) for leaf in await leaves_of(conn, drop_id)]
    values = {"root": merkle_root(leaves).hex(), "entries": len(leaves)}
    await conn.execute(update(draws).where(draws.c.drop_id == drop_id).values(values))


async def set_leaf(conn: AsyncConnection, drop_id: str, number: int, **values: object) -> None:
    its = draw_entries.c
    of_entry = (its.drop_id == drop_id) & (its.number == number)
    await conn.execute(update(draw_entries).where(of_entry).values(values))


async def ghost(conn: AsyncConnection, drop_id: str) -> None:
    number = len(STUDENTS)
    entry = Entry(number, "ab" * 8, "r1", now_ms(), "cd" * 16)
    row = {
        "drop_id": drop_id,
        "number": number,
        "student": "friend",
        "claim_id": "clm_ghost",
        "request_id": "r1",
        "pseudonym": entry.pseudonym,
        "client_random": entry.client_random,
        "person": "",
        "device": "",
        "leaf": entry.leaf(drop_id).hex(),
        "entered_at": entry.entered_at,
    }
    await conn.execute(insert(draw_entries).values(row))


async def dropped(conn: AsyncConnection, drop_id: str) -> None:
    its = draw_entries.c
    last = its.number == len(STUDENTS) - 1
    await conn.execute(delete(draw_entries).where(its.drop_id == drop_id, last))


async def swapped(conn: AsyncConnection, drop_id: str) -> None:
    await set_leaf(conn, drop_id, 2, leaf="ef" * 32, student="friend")


async def reordered(conn: AsyncConnection, drop_id: str) -> None:
    leaves = await leaves_of(conn, drop_id)
    await set_leaf(conn, drop_id, 0, leaf=leaves[1])
    await set_leaf(conn, drop_id, 1, leaf=leaves[0])


async def other_seed(conn: AsyncConnection, drop_id: str) -> None:
    await conn.execute(update(draws).where(draws.c.drop_id == drop_id).values(seed="11" * 32))


async def other_seed_and_commitment(conn: AsyncConnection, drop_id: str) -> None:
    values = {"seed": "11" * 32, "commitment": commitment_of(b"\x11" * 32).hex()}
    await conn.execute(update(draws).where(draws.c.drop_id == drop_id).values(values))


def sealed_again(attack: Attack) -> Attack:
    async def run(conn: AsyncConnection, drop_id: str) -> None:
        await attack(conn, drop_id)
        await seal_anew(conn, drop_id)

    return run


ATTACKS: dict[str, tuple[Attack, set[str]]] = {
    "ghost": (ghost, {"root", "count"}),
    "drop": (dropped, {"root", "count", "a receipt"}),
    "swap": (swapped, {"root", "a receipt"}),
    "reorder": (reordered, {"root", "a receipt"}),
    "other seed": (other_seed, {"commitment"}),
    "other seed, committed": (other_seed_and_commitment, {"another commitment"}),
    "ghost, sealed again": (sealed_again(ghost), {"another root"}),
    "drop, sealed again": (sealed_again(dropped), {"another root", "a receipt"}),
    "swap, sealed again": (sealed_again(swapped), {"another root", "a receipt"}),
    "reorder, sealed again": (sealed_again(reordered), {"another root", "a receipt"}),
}


async def test_every_attack_on_what_is_sealed_fails_a_check(rig: WorkerRig, api: Api) -> None:
    drop_id, known = await drawn(rig, api)
    good_one = good(await ask(api, f"/v1/drops/{drop_id}/draw"))
    assert (known.finds(good_one), good_one["state"]) == (set(), "closed")

    found = {}
    for name, (attack, _) in ATTACKS.items():
        kept = await rows(rig, drop_id)
        async with rig.ledger.begin() as conn:
            await attack(conn, drop_id)
        other = fresh(rig)
        async with other.clients:
            found[name] = known.finds(good(await ask(other, f"/v1/drops/{drop_id}/draw")))
        await put_back(rig, drop_id, *kept)
    assert {name for name, wrong in found.items() if not wrong >= ATTACKS[name][1]} == set()
    assert known.finds(good(await ask(fresh(rig), f"/v1/drops/{drop_id}/draw"))) == set()


async def rows(rig: WorkerRig, drop_id: str) -> tuple[list[Json], Json]:
    async with rig.ledger.read() as conn:
        its = draw_entries.c.drop_id == drop_id
        entries = [
            dict(row._mapping) for row in await conn.execute(select(draw_entries).where(its))
        ]
        draw = (await conn.execute(select(draws).where(draws.c.drop_id == drop_id))).one()
    return entries, dict(draw._mapping)


async def put_back(rig: WorkerRig, drop_id: str, entries: list[Json], draw: Json) -> None:
    async with rig.ledger.begin() as conn:
        await conn.execute(delete(draw_entries).where(draw_entries.c.drop_id == drop_id))
        await conn.execute(insert(draw_entries), entries)
        await conn.execute(update(draws).where(draws.c.drop_id == drop_id).values(draw))


async def test_a_draw_that_is_aborted_is_shown_for_ever_and_cannot_be_drawn_again(
    rig: WorkerRig, api: Api
) -> None:
    """A draw that is begun anew because its winners were not liked leaves the first one in the open."""
    drop = await rig.classroom.opened(quantity=2, mode="draw")
    commitment = good(await ask(api, f"/v1/drops/{drop.id}/draw"))["commitment"]
    receipts = await entered(api, drop.id)
    path = f"/v1/rooms/{ROOM}/drops/{drop.id}"
    good(await ask(api, f"{path}/abort", "instructor", {"reason": "we try again"}))
    await drive_draws(rig.stores, now_ms())
    again = {"quantity": 2, "duration_seconds": 60}
    refused(await ask(api, f"{path}/reopen", "instructor", again), 409, "wrong_state")

    second, known = await drawn(rig, api)
    refused(
        await ask(api, f"/v1/rooms/{ROOM}/drops/{second}/abort", "instructor", {"reason": "x"}),
        409,
        "wrong_state",
    )
    first = good(await ask(fresh(rig), f"/v1/drops/{drop.id}/draw"))
    assert (first["state"], first["winners"]) == ("aborted", [])
    assert (first["abort_reason"], first["commitment"]) == ("we try again", commitment)
    assert verify_draw(first) == []
    assert all(verify_receipt(first, one) for one in receipts)
    assert known.commitment != commitment
