"""Offers on the wire: the bytes of the sockets of everybody else in the room have nothing of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import orjson
import pytest

from server.core.offers.offers import MAX_STUDENTS
from server.desk.feed.coupon_changes import CouponChange
from server.flows.offers.offer_notices import FRAMES_AT_ONCE
from tests.integration.gateway.test_gateway import open_drop
from tests.support.builders.api import Api, good
from tests.support.clients.raw_socket import handshake, says
from tests.support.gateways import DEADLINE_S, RunningGateway, a_token

pytestmark = pytest.mark.asyncio
ROOM = "r1"
OFFERS = f"/v1/rooms/{ROOM}/offers"
MANY: Final = 1_000
WORDS = "only-between-us"


class Wire:
    """A socket of the room, and every byte that came over it."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.bytes = b""

    async def read_until(self, mark: bytes) -> bytes:
        """Read on until the bytes have the mark; return all of them."""
        async with asyncio.timeout(DEADLINE_S):
            while mark not in self.bytes:
                more = await self._reader.read(65_536)
                assert more, "the server has ended the socket"
                self.bytes += more
        return self.bytes


@asynccontextmanager
async def in_room(gateway: RunningGateway, token: str) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(handshake() + says(type="hello", token=token))
    wire = Wire(reader)
    await wire.read_until(b'"type":"welcome"')
    try:
        yield wire
    finally:
        writer.close()


async def offered(api: Api, students: Sequence[str]) -> list[str]:
    """Offer a coupon of one batch to all of them; return the ids."""
    batch, teacher = await api.made_batch(quantity=len(students)), await api.teacher(ROOM)
    found: list[str] = []
    for start in range(0, len(students), MAX_STUDENTS):
        body = {
            "batch_id": batch["id"],
            "students": students[start : start + MAX_STUDENTS],
            "message": WORDS,
            "expires_in_seconds": 600,
        }
        made = good(await teacher.post(OFFERS, json=body), 201)
        found += [one["id"] for one in made["offers"]]
    return found


async def test_a_thousand_offers_reach_their_students_and_no_byte_of_them_anybody_else(
    api: Api, gateway: RunningGateway, second_gateway: RunningGateway
) -> None:
    theirs = [f"owner{n:04}" for n in range(MANY)]
    async with (
        in_room(gateway, a_token(theirs[0])) as first,
        in_room(second_gateway, a_token(theirs[-1])) as last,
        in_room(gateway, a_token("bystander")) as other,
        in_room(second_gateway, a_token("tutor", may=["offer"])) as tutor,
        in_room(gateway, a_token("teacher", role="instructor")) as teacher,
    ):
        ids = await offered(api, theirs)
        teacher_client = await api.teacher(ROOM)
        good(await teacher_client.post(f"{OFFERS}/{ids[0]}/withdraw"))
        await first.read_until(b'"state":"withdrawn"')
        await last.read_until(ids[-1].encode())
        await open_drop(gateway.desk, "drp_behind")  # what comes behind them has come
        for wire in (other, tutor, teacher):
            heard = await wire.read_until(b"drp_behind")
            for mark in (b"ofr_", b"owner", b'"offer', WORDS.encode(), b"ofg_"):
                assert mark not in heard

        assert len(ids) == MANY
        assert WORDS.encode() in first.bytes
        assert ids[1].encode() not in first.bytes + last.bytes


async def test_many_offers_are_told_in_small_publications(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    async def count(changes: Sequence[CouponChange]) -> None:
        sizes.append(len(changes))
        assert len(orjson.dumps([*map(list, changes)])) < 32 * 1024

    monkeypatch.setattr(api.parts.feed, "publish_changes", count)
    await offered(api, [f"s{n}" for n in range(MAX_STUDENTS)])
    assert (max(sizes), sum(sizes)) == (FRAMES_AT_ONCE, MAX_STUDENTS)
