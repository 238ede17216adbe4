"""Doctor finds triggers that have not fired as often as they say, on both databases."""

import pytest
from sqlalchemy import delete, update

from server.core.events.triggers import Limits
from server.flows.consistency.checks.trigger_checks import check_triggers
from server.flows.consistency.findings import FindingKind
from server.ledger.engine import Ledger
from server.ledger.tables import trigger_days, trigger_firings, triggers
from tests.support.builders.triggers import active_trigger, fire, lesson, told

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    "damage",
    [
        None,
        delete(trigger_firings).where(trigger_firings.c.student == "ann"),
        update(triggers).values(fired=3),
        update(trigger_days).values(fired=1),
    ],
    ids=["none", "lost firing", "wrong count", "wrong day"],
)
async def test_a_difference_is_found(ledger: Ledger, damage: object) -> None:
    trigger = await active_trigger(ledger, limits=Limits(9))
    await told(ledger, lesson("e1"), lesson("e2", "bob"))
    assert await fire(ledger) == 2
    if damage is not None:
        async with ledger.begin() as conn:
            await conn.execute(damage)  # type: ignore[call-overload]

    found = await check_triggers(ledger)

    kinds = [(one.kind, one.trigger) for one in found]
    assert kinds == ([] if damage is None else [(FindingKind.TRIGGER_DIFFERS, trigger.id)])
