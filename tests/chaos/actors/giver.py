"""The school's back end, which gives coupons of a batch without a tap, and takes some back.

Used by `bench.py`, beside the instructors who drop the same batch.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from client_sdk.python.shapes import IssuanceForm
from tests.chaos.actors.staff import Caller
from tests.chaos.pauses import pause

_NEXT_S = (0.5, 3.0)
_FEW = (1, 12)
_UNDONE_AFTER_S = (0.0, 3.0)


@dataclass(slots=True)
class Giver:
    """Gives for one round. `students` are those of the rooms, who tap for the same batch meanwhile."""

    caller: Caller
    batch_id: str
    students: Sequence[str]
    label: str

    async def give(self, over: asyncio.Event) -> None:
        """Ask for issuances until `over` is set, then wait for the answers that are outstanding."""
        dice = self.caller.dice
        async with asyncio.TaskGroup() as tasks:
            number = 0
            while not over.is_set():
                number += 1
                tasks.create_task(self._issue(f"{self.label}-gift-{number}", over))
                await pause(dice.uniform(*_NEXT_S), over)

    async def _issue(self, key: str, over: asyncio.Event) -> None:
        dice = self.caller.dice
        # All of them are too many to be done within the request.
        count = dice.choice((dice.randint(*_FEW), len(self.students)))
        students = dice.sample(self.students, count)
        form = cast(
            IssuanceForm,
            {
                "batch_id": self.batch_id,
                "students": students,
                "reason": "sorry",
                "metadata": {"key": key},
            },
        )
        verdict, made = await self.caller.ask(
            "give",
            key,
            {"students": students},
            lambda api: api.create_issuance(form, idempotency_key=key),
        )
        if verdict != "ok" or dice.random() > 0.3:
            return
        await pause(dice.uniform(*_UNDONE_AFTER_S), over)
        issuance_id = made["id"]
        await self.caller.ask("undo", key, {}, lambda api: api.undo_issuance(issuance_id))
