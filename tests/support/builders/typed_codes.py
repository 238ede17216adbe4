"""Codes of a batch, and students who type them."""

from server.core.coupons.code_runs import Source
from server.core.coupons.coupons import Coupon
from server.core.ids import StudentId
from server.core.promotions.batches import Batch
from server.core.refusals import Refused
from server.flows.coupons import codes as flows
from server.flows.coupons.bind_code import Account, bind_code
from tests.support.builders.classroom import granted, now_ms
from tests.support.worker_rig import WorkerRig


async def made_codes(rig: WorkerRig, batch: Batch, quantity: int) -> list[str]:
    granted(
        await flows.make_codes(
            rig.ledger,
            actor="op",
            batch_id=batch.id,
            quantity=quantity,
            source=Source.LIST,
            key=None,
            now=now_ms(),
        )
    )
    listed = granted(await flows.list_codes(rig.ledger, batch.id, now_ms(), None, quantity))
    return [one.code for one in listed]


async def bind(
    rig: WorkerRig,
    student: str,
    code: str,
    now: int | None = None,
    *,
    person: str | None = None,
    device: str | None = None,
) -> Coupon | Refused:
    account = Account(StudentId(student), person=person, device=device)
    return await bind_code(rig.ledger, rig.desk.drops, account, code, now or now_ms())
