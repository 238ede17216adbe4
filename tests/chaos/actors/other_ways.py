"""The ways to a coupon beside a tap in the room: draws, links and offers, under the same faults.

Used by `bench.py`. Students of a room of their own call the API, and each call is repeated unchanged until it
has its answer. `other_ways_checker.py` judges what they were told.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from client_sdk.python import Api, ApiError
from client_sdk.python.shapes import DropForm, LinkForm, OfferForm
from tests.chaos.actors.staff import Caller
from tests.chaos.history import NOT_ANSWERS
from tests.chaos.pauses import pause
from tests.support.builders.api import a_drop

ROOM = "hall"
STUDENTS = tuple(f"hall-{n}" for n in range(10))
_NEXT_S = (1.0, 3.0)
_DRAW_LASTS_S = (3, 6)
_UNITS = (1, 4)
_LOOKS_S = 0.5
_THINKS_S = (0.0, 1.5)


@dataclass(slots=True)
class OtherWays:
    """One round. `operator` makes links, draws and offers; `students` are by name; each batch is for one way
    alone, so that its stock can be counted."""

    operator: Caller
    students: dict[str, Caller]
    draw_batch: str
    link_batch: str
    offer_batch: str
    label: str

    async def go(self, over: asyncio.Event) -> None:
        """Draw, link and offer until `over` is set, then wait for what is outstanding."""
        async with asyncio.TaskGroup() as tasks:
            for one in (self._draw, self._link, self._offer):
                tasks.create_task(self._repeat(one, over))

    async def _repeat(
        self, one: Callable[[str, asyncio.Event], Awaitable[None]], over: asyncio.Event
    ) -> None:
        number = 0
        while not over.is_set():
            number += 1
            await one(f"{self.label}-{one.__name__}-{number}", over)
            await pause(self.operator.dice.uniform(*_NEXT_S), over)

    # --- draws ---------------------------------------------------------------------------------

    async def _draw(self, key: str, over: asyncio.Event) -> None:
        dice = self.operator.dice
        lasts = dice.randint(*_DRAW_LASTS_S)
        body = {
            **a_drop(quantity=dice.randint(*_UNITS), duration_seconds=lasts),
            "batch_id": self.draw_batch,
            "mode": "draw",
            "metadata": {"key": key},
        }
        form = cast(DropForm, body)
        verdict, made = await self.operator.ask(
            "draw", key, {}, lambda api: api.create_drop(ROOM, form, idempotency_key=key)
        )
        if verdict != "ok":
            return
        drop_id = made["id"]
        await self._all_claim("enter", drop_id, lambda api: api.claim(drop_id, "r1"))
        await pause(lasts, over)
        if dice.random() < 0.2:
            await self.operator.ask(
                "abort", drop_id, {}, lambda api: api.abort_draw(ROOM, drop_id, "chaos")
            )
        # What was sealed is looked at before the end, to be compared with what is published at the end.
        await self.operator.ask("look", drop_id, {}, lambda api: api.draw(drop_id))

    # --- links ---------------------------------------------------------------------------------

    async def _link(self, key: str, over: asyncio.Event) -> None:
        dice = self.operator.dice
        form = cast(LinkForm, {"channel": "chaos", "quantity": dice.randint(*_UNITS), "note": key})
        verdict, made = await self.operator.ask(
            "link",
            key,
            {},
            lambda api: api.create_link(self.link_batch, form, idempotency_key=key),
        )
        if verdict != "ok":
            return
        drop_id, link_id = made["drop_id"], made["id"]
        await self._all_claim("claim", drop_id, lambda api: api.claim_by_link(link_id, "r1"))
        await pause(dice.uniform(*_THINKS_S), over)
        await self.operator.ask(
            "end_link", link_id, {}, lambda api: api.change_link(link_id, {"state": "ended"})
        )

    # --- offers --------------------------------------------------------------------------------

    async def _offer(self, key: str, over: asyncio.Event) -> None:
        dice = self.operator.dice
        chosen = dice.sample(STUDENTS, dice.randint(1, 4))
        form = cast(
            OfferForm,
            {"batch_id": self.offer_batch, "students": chosen, "expires_in_seconds": 60},
        )
        verdict, made = await self.operator.ask(
            "offer", key, {}, lambda api: api.make_offers(ROOM, form, idempotency_key=key)
        )
        if verdict != "ok":
            return
        async with asyncio.TaskGroup() as tasks:
            for one in made["offers"]:
                tasks.create_task(self._answer(one["student"], one["id"], over))
                if dice.random() < 0.6:
                    tasks.create_task(self._withdraw(one["id"], over))

    async def _answer(self, name: str, offer_id: str, over: asyncio.Event) -> None:
        student = self.students[name]
        await pause(student.dice.uniform(*_THINKS_S), over)
        what = student.dice.choice(("accept", "accept", "decline"))
        send = (
            (lambda api: api.accept_offer(offer_id))
            if what == "accept"
            else (lambda api: api.decline_offer(offer_id))
        )
        await student.ask(what, offer_id, {}, send)

    async def _withdraw(self, offer_id: str, over: asyncio.Event) -> None:
        await pause(self.operator.dice.uniform(*_THINKS_S), over)
        await self.operator.ask(
            "withdraw", offer_id, {}, lambda api: api.withdraw_offer(ROOM, offer_id)
        )

    async def _all_claim(
        self, what: str, drop_id: str, send: Callable[[Api], Awaitable[Any]]
    ) -> None:
        """Let most students claim at once, some of them twice with the same request."""
        dice = self.operator.dice
        async with asyncio.TaskGroup() as tasks:
            for name in dice.sample(STUDENTS, dice.randint(5, len(STUDENTS))):
                for _ in range(dice.choice((1, 1, 2))):
                    tasks.create_task(
                        self.students[name].ask(what, drop_id, {"student": name}, _decided(send))
                    )


def _decided(send: Callable[[Api], Awaitable[Any]]) -> Callable[[Api], Awaitable[Any]]:
    """Return `send`, which fails in a retryable way while nothing is decided."""

    async def ask(api: Api) -> Any:
        answer = await send(api)
        if answer["outcome"] in NOT_ANSWERS:
            raise ApiError("unavailable", 503)
        return answer

    return ask


def all_batches(batches: Sequence[str]) -> dict[str, str]:
    """Return three batches as the fields of OtherWays."""
    return dict(zip(("draw_batch", "link_batch", "offer_batch"), batches, strict=True))
