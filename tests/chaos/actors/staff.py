"""An instructor who opens, tops up, extends and closes drops, and a shop that uses the coupons.

Used by `bench.py`. Each call is repeated unchanged, at either web, until it has a final answer: idempotency
keys, expected values and order ids make that safe. Every try is in the history.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from client_sdk.python import Api, ApiError
from client_sdk.python.shapes import BatchForm, DropForm, DropReport, RedemptionForm, TemplateForm
from tests.chaos.history import ApiReply, ApiRequest, Confirmed, Facts, History, Verdict, now_ms
from tests.chaos.pauses import pause
from tests.support.builders.api import a_batch, a_drop, a_template, an_order

_TRIES = 60
_TRY_PAUSE_S = (0.1, 1.0)
_NEXT_DROP_S = (0.5, 2.5)
_LOOKS_AGAIN_S = 0.5
_UNITS = (2, 9)
_LASTS_S = (6, 25)
_STEP_S = (0.5, 4.0)
_PRICE = 5_000
_NOTED = ("id", "state", "outcome", "receipt", "root")


@dataclass(slots=True)
class Caller:
    """Sends calls until they are answered. `apis`: one client for each web."""

    who: str
    apis: Sequence[Api]
    dice: random.Random
    history: History

    async def ask(
        self, what: str, key: str, about: Facts, send: Callable[[Api], Awaitable[Any]]
    ) -> tuple[Verdict, Facts]:
        """Return the last answer; unknown if none came within the allowed tries."""
        for _ in range(_TRIES):
            verdict, said = await self._once(what, key, about, send)
            if verdict != "unknown":
                return verdict, said
            await pause(self.dice.uniform(*_TRY_PAUSE_S))
        return "unknown", {}

    async def _once(
        self, what: str, key: str, about: Facts, send: Callable[[Api], Awaitable[Any]]
    ) -> tuple[Verdict, Facts]:
        number = self.history.number()
        self.history.note(ApiRequest(now_ms(), number, self.who, what, key, about))
        verdict: Verdict = "ok"
        code, said = "", cast(Facts, {})
        try:
            answer = await send(self.dice.choice(self.apis))
            said = {name: answer[name] for name in _NOTED if name in answer}
            full: Facts = answer
        except ApiError as error:
            verdict, code, full = ("unknown" if error.retryable else "refused"), error.code, {}
            full = error.facts
        self.history.note(ApiReply(now_ms(), number, verdict, code, said))
        return verdict, full


@dataclass(slots=True)
class Office:
    """The operator, who creates a round's batches before it begins."""

    caller: Caller

    async def make_template(self) -> str:
        form = cast(TemplateForm, a_template())
        return await self._made("template", lambda api: api.create_template(form))

    async def make_batch(self, template_id: str, quantity: int, per_student: int) -> str:
        body = {**a_batch(quantity=quantity, per_student=per_student), "template_id": template_id}
        form = cast(BatchForm, body)
        return await self._made("batch", lambda api: api.create_batch(form))

    async def _made(self, what: str, send: Callable[[Api], Awaitable[Any]]) -> str:
        verdict, said = await self.caller.ask(what, "", {}, send)
        assert verdict == "ok", said
        return str(said["id"])


@dataclass(slots=True)
class Teacher:
    """The instructor of one room, for one round. `drops`: the ids of the drops that were opened."""

    caller: Caller
    room: str
    batches: Sequence[str]
    label: str
    drops: list[str] = field(default_factory=list)

    async def teach(self, over: asyncio.Event) -> None:
        """Open and change drops until `over` is set, then wait for the answers that are outstanding."""
        dice = self.caller.dice
        async with asyncio.TaskGroup() as tasks:
            number = 0
            while not over.is_set():
                number += 1
                tasks.create_task(self._drop(f"{self.label}-{number}", over))
                await pause(dice.uniform(*_NEXT_DROP_S), over)

    async def _drop(self, key: str, over: asyncio.Event) -> None:
        dice = self.caller.dice
        form = cast(
            DropForm,
            {
                **a_drop(quantity=dice.randint(*_UNITS), duration_seconds=dice.randint(*_LASTS_S)),
                "batch_id": dice.choice(self.batches),
                "metadata": {"key": key},
            },
        )
        verdict, made = await self.caller.ask(
            "open",
            key,
            {"room": self.room, "quantity": form["quantity"], "batch_id": form["batch_id"]},
            lambda api: api.create_drop(self.room, form, idempotency_key=key),
        )
        if verdict == "ok":
            self.drops.append(made["id"])
            await self._change(cast(DropReport, made), over)

    async def _change(self, drop: DropReport, over: asyncio.Event) -> None:
        dice = self.caller.dice
        for step in dice.sample(("top_up", "extend", "close", "nothing"), 2):
            await pause(dice.uniform(*_STEP_S), over)
            if step == "top_up":
                await self._ask(drop, "top_up", self._top_up(drop, dice.randint(1, 4)))
            elif step == "extend" and drop["closes_at"]:
                await self._ask(drop, "extend", self._extend(drop, dice.randint(5, 10)))
            elif step == "close":
                await self._ask(drop, "close", lambda api: api.close_drop(self.room, drop["id"]))
                return

    async def close_all(self) -> None:
        for drop_id in self.drops:
            await self.caller.ask(
                "close",
                drop_id,
                {},
                lambda api, one=drop_id: api.close_drop(self.room, one),  # type: ignore[misc]
            )

    def _top_up(self, drop: DropReport, add: int) -> Callable[[Api], Awaitable[Any]]:
        expected = drop["quantity"]
        return lambda api: api.top_up_drop(
            self.room, drop["id"], add=add, expected_quantity=expected
        )

    def _extend(self, drop: DropReport, seconds: int) -> Callable[[Api], Awaitable[Any]]:
        expected = drop["closes_at"] or ""
        return lambda api: api.extend_drop(
            self.room, drop["id"], seconds=seconds, expected_closes_at=expected
        )

    async def _ask(
        self, drop: DropReport, what: str, send: Callable[[Api], Awaitable[Any]]
    ) -> None:
        await self.caller.ask(what, drop["id"], {}, send)


@dataclass(slots=True)
class Shop:
    """Puts confirmed coupons on orders: some are paid, some cancelled, some left locked, and some coupons go
    on two orders at once."""

    caller: Caller
    label: str
    _seen: set[str] = field(default_factory=set)

    async def trade(self, over: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            while not over.is_set():
                for one in list(self.caller.history.of(Confirmed)):
                    if one.code not in self._seen:
                        self._seen.add(one.code)
                        for rival in range(self.caller.dice.choice((1, 1, 1, 2))):
                            tasks.create_task(self._order(one, rival, over))
                await pause(_LOOKS_AGAIN_S, over)

    async def _order(self, one: Confirmed, rival: int, over: asyncio.Event) -> None:
        dice = self.caller.dice
        order_id = f"{self.label}-{one.code}-{rival}"
        form = cast(
            RedemptionForm,
            {
                "order_id": order_id,
                "student": one.student,
                "order": an_order(_PRICE),
                "coupons": [one.code],
            },
        )
        verdict, locked = await self.caller.ask(
            "lock", order_id, {"code": one.code}, lambda api: api.lock_redemption(form)
        )
        if verdict != "ok":
            return
        await pause(dice.uniform(*_STEP_S), over)
        await self._end(order_id, locked["id"], dice.choice(("pay", "pay", "cancel", "nothing")))

    async def _end(self, order_id: str, redemption_id: str, end: str) -> None:
        if end == "pay":
            await self.caller.ask(
                "pay", order_id, {}, lambda api: api.confirm_redemption(redemption_id)
            )
        elif end == "cancel":
            await self.caller.ask(
                "cancel", order_id, {}, lambda api: api.cancel_redemption(redemption_id)
            )
