"""Wallets of `wallets.py` as rows of a real ledger: the templates in their versions, a batch of each, and
the coupons.
"""

import secrets
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import insert

from server.core.coupons import codes
from server.core.coupons.coupons import Coupon
from server.core.ids import BatchId, CouponId, StudentId
from server.core.promotions.templates import Template
from server.ids import new_id
from server.ledger.engine import Ledger
from server.ledger.promotions import templates
from server.ledger.tables import batches, coupons
from tests.support.builders.coupon_rows import batch_row
from tests.support.builders.wallets import Case

Version = tuple[str, int]


async def give_wallet(ledger: Ledger, student: str, case: Case) -> list[Coupon]:
    """The coupons as they are stored, of templates that no other student has."""
    own = {_version(each.template): each.template for each in case.wallet}
    own = {of: replace(one, id=f"{one.id}_{student}") for of, one in sorted(own.items())}
    of_batch = {version: new_id("bat") for version in own}
    given = [
        replace(
            coupon,
            id=CouponId(new_id("cpn")),
            code=codes.make(secrets.token_bytes(codes.ENTROPY_BYTES)),
            student=StudentId(student),
            batch_id=BatchId(of_batch[_version(coupon.template)]),
            template=own[_version(coupon.template)],
        )
        for coupon in case.wallet
    ]
    await _store_batches(ledger, own, of_batch)
    async with ledger.begin() as conn:
        await conn.execute(insert(coupons), [_row(coupon) for coupon in given])
    return given


async def _store_batches(
    ledger: Ledger, own: Mapping[Version, Template], of_batch: Mapping[Version, str]
) -> None:
    async with ledger.begin() as conn:
        for version, template in own.items():
            if not await templates.insert_next(conn, template, "op"):
                await templates.insert_first(conn, template, "op")
            row = batch_row(of_batch[version], template.id, template.version)
            await conn.execute(insert(batches).values(**row))


def _version(template: Template) -> Version:
    return template.id, template.version


def _row(coupon: Coupon) -> dict[str, object]:
    return {
        "id": coupon.id,
        "code": coupon.code,
        "batch_id": coupon.batch_id,
        "template_id": coupon.template.id,
        "template_version": coupon.template.version,
        "source": "list",
        "student": coupon.student,
        "state": coupon.state.value,
        "valid_from": coupon.valid_from,
        "valid_until": coupon.valid_until,
        "created_at": coupon.created_at,
    }
