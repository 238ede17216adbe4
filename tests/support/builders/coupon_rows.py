"""Coupons in a real ledger without a class around them: a template, a batch, rows in wallets."""

from sqlalchemy import insert, select, update

from server.core.coupons import codes
from server.core.coupons.coupons import Coupon
from server.core.ids import BatchId, ClaimId, CouponId, DropId, StudentId
from server.core.promotions.templates import Template, TemplateForm
from server.ids import new_claim_stem, new_id
from server.ledger.coupons import coupons as coupon_rows
from server.ledger.coupons.coupons import NewCoupon
from server.ledger.engine import Ledger
from server.ledger.promotions import templates
from server.ledger.tables import allotments, batches, claims, coupons, drops
from tests.support.builders.money import DAY_MS, NOW, a_form


async def give_coupon(
    ledger: Ledger,
    number: int,
    student: str = "ada",
    form: TemplateForm | None = None,
    **columns: object,
) -> str:
    """Its code. `columns` are those of the row that matter to the test."""
    template_id, batch_id = new_id("tpl"), new_id("bat")
    template = Template(form or a_form(), template_id, 1, NOW)
    code = codes.make(number.to_bytes(codes.ENTROPY_BYTES))
    row: dict[str, object] = {
        "id": new_id("cpn"),
        "code": code,
        "batch_id": batch_id,
        "template_id": template_id,
        "template_version": 1,
        "source": "list",
        "student": student,
        "state": "usable",
        "valid_from": NOW - DAY_MS,
        "valid_until": NOW + DAY_MS,
        "created_at": NOW,
    }
    async with ledger.begin() as conn:
        await templates.insert_first(conn, template, "op")
        await conn.execute(insert(batches).values(**batch_row(batch_id, template_id)))
        await conn.execute(insert(coupons).values(**row | columns))
    return code


async def confirm_claim(ledger: Ledger, number: int, student: str = "ada") -> NewCoupon:
    """A claim that the ledger has, and the coupon that is to be made of it."""
    template_id, batch_id, drop_id = new_id("tpl"), new_id("bat"), new_id("drp")
    async with ledger.begin() as conn:
        await templates.insert_first(conn, Template(a_form(), template_id, 1, NOW), "op")
        await conn.execute(insert(batches).values(**batch_row(batch_id, template_id)))
        await conn.execute(insert(drops).values(**_drop(drop_id, batch_id)))
        allotment = {"id": new_id("alt"), "drop_id": drop_id, "first": 1, "last": 100}
        await conn.execute(insert(allotments).values(**allotment, created_at=NOW))
        claim = _claim(drop_id, batch_id, student, str(allotment["id"]))
        await conn.execute(insert(claims).values(**claim))
    return NewCoupon(
        id=CouponId(new_id("cpn")),
        code=codes.make(number.to_bytes(codes.ENTROPY_BYTES)),
        batch_id=BatchId(batch_id),
        template_id=template_id,
        template_version=1,
        claim_id=ClaimId(str(claim["id"])),
        drop_id=DropId(drop_id),
        student=StudentId(student),
        valid_from=NOW,
        valid_until=NOW + DAY_MS,
        hold_until=None,
        created_at=NOW,
    )


async def coupon_of(ledger: Ledger, code: str) -> Coupon:
    async with ledger.read() as conn:
        ids = await conn.scalars(select(coupons.c.id).where(coupons.c.code == code))
        (coupon,) = await coupon_rows.by_ids(conn, list(ids))
    return coupon


async def change_coupon(ledger: Ledger, code: str, **columns: object) -> None:
    """Change columns of a coupon by SQL, without a flow."""
    async with ledger.begin() as conn:
        await conn.execute(update(coupons).where(coupons.c.code == code).values(**columns))


def batch_row(batch_id: str, template_id: str, template_version: int = 1) -> dict[str, object]:
    return {
        "id": batch_id,
        "template_id": template_id,
        "template_version": template_version,
        "name": "Live",
        "channel": "live",
        "quantity": 100,
        "per_student": 1,
        "any_room": True,
        "shard": 0,
        "metadata": {},
        "created_by": "op",
        "created_at": NOW,
    }


def _drop(drop_id: str, batch_id: str) -> dict[str, object]:
    return {
        "id": drop_id,
        "room": "r1",
        "batch_id": batch_id,
        "per_student": 1,
        "shard": 0,
        "state": "open",
        "mode": "first",
        "message": "",
        "quantity": 100,
        "duration_seconds": 60,
        "opens_in_seconds": 0,
        "audience": {"tags": [], "students": []},
        "metadata": {},
        "created_by": "teacher",
        "created_at": NOW,
    }


def _claim(drop_id: str, batch_id: str, student: str, allotment_id: str) -> dict[str, object]:
    return {
        "id": new_claim_stem(),
        "drop_id": drop_id,
        "batch_id": batch_id,
        "student": student,
        "request_id": "req-1",
        "unit": 1,
        "allotment_id": allotment_id,
        "allotment_first": 1,
        "allotment_last": 100,
        "slot": 1,
        "per_student": 1,
        "state": "live",
        "won_at": NOW,
        "confirmed_at": NOW,
    }
