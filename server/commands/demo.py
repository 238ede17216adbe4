"""Prepare the demo room: a template, two batches and a prepared drop of each. Called by `run`.

Uses the flows that the API uses, so that the demo's data is what a school's would be.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import structlog

from server.clock import now_ms
from server.configuration.settings import Settings
from server.core.drops.drop_rules import DropForm, Start
from server.core.drops.drops import DropState
from server.core.promotions.batches import Batch, BatchForm, RoomQuota
from server.core.promotions.templates import (
    AmountOff,
    RelativeValidity,
    Scope,
    TemplateForm,
    Threshold,
)
from server.core.refusals import Refused
from server.desk.drops.drop_desk import DropDesk
from server.desk.feed.feed import Feed
from server.desk.redis.connection import connect
from server.flows.drops.drop_service import DropService
from server.flows.promotions.batches import create_batch
from server.flows.promotions.templates import create_template
from server.ledger.drops import drops
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from server.ledger.promotions import batches

ROOM: Final = "demo"
_ACTOR: Final = "demo"
_MARK: Final = "demo_batch"  # the key in a batch's metadata that names the card
_WEEK_SECONDS: Final = 7 * 24 * 3600
_SEARCHED: Final = 100  # the newest batches and drops; older ones of the demo are used up

_Made = TypeVar("_Made")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Card:
    """A batch and the drop to prepare from it. `name` identifies the batch, `title` is shown to people."""

    name: str
    title: str
    quantity: int
    drop: int
    seconds: int
    message: str


_CARDS: Final = (
    _Card(
        "for-many",
        "全班都有 · For everyone",
        100_000,
        500,
        60,
        "课上专享：六十秒，五百张。Sixty seconds, five hundred of them.",
    ),
    _Card(
        "for-few",
        "先到先得 · For the quick",
        10_000,
        5,
        30,
        "只有五张，手快有！Only five: first come, first served.",
    ),
)
_TEMPLATE: Final = TemplateForm(
    name="课堂专享券 · In-class coupon",
    description="直播间内领取，七天内有效。Claimed in class, good for seven days.",
    currency="CNY",
    discount=AmountOff(2_000),
    threshold=Threshold(10_000),
    scope=Scope(),
    validity=RelativeValidity(_WEEK_SECONDS),
)
# A course whose price reaches the threshold, so that the coupon applies at once.
_USE_URL: Final = "/checkout?course=algebra-2"


async def prepare_demo(settings: Settings) -> None:
    """Create what is missing of the demo: template, two batches, a prepared drop of each.

    Existing parts are kept. A drop that has been used is replaced by a new one, as long as its batch has
    units.
    """
    now = now_ms()
    async with _flows(settings) as (ledger, flows):
        for card in _CARDS:
            batch = await _find_batch(ledger, card) or await _make_batch(
                ledger, card, _template(settings), now
            )
            if batch and not await _has_prepared(ledger, batch):
                await _prepare_drop(flows, card, batch, now)


@asynccontextmanager
async def _flows(settings: Settings) -> AsyncIterator[tuple[Ledger, DropService]]:
    ledger = Ledger.connect(settings.database_url or "")
    redis = connect(settings.redis_url or "")
    prefix = settings.key_prefix
    try:
        yield ledger, DropService(ledger, DropDesk(redis, prefix), Feed(redis, prefix), _ACTOR)
    finally:
        await redis.aclose()
        await ledger.close()


async def _find_batch(ledger: Ledger, card: _Card) -> Batch | None:
    async with ledger.read() as conn:
        newest: Sequence[Batch] = await batches.page(conn, _SEARCHED, rooms=(ROOM,))
    ours = (batch for batch in newest if batch.metadata.get(_MARK) == card.name)
    return next((batch for batch in ours if batch.droppable_in(ROOM) >= card.drop), None)


def _template(settings: Settings) -> TemplateForm:
    """Return the template. Its coupons link to the sample shop where that is open."""
    return replace(_TEMPLATE, use_url=_USE_URL if settings.demo_shop else None)


async def _make_batch(ledger: Ledger, card: _Card, offer: TemplateForm, now: int) -> Batch | None:
    # The idempotency keys let two services that start at once make only one. They expire after 24 hours, so
    # a batch that is used up later is made again.
    template = _made(await create_template(ledger, _ACTOR, offer, _key("template", offer), now))
    if template is None:
        return None
    form = BatchForm(
        template_id=template.id,
        name=card.title,
        quantity=card.quantity,
        channel="demo",
        per_student=100,
        rooms=(RoomQuota(ROOM),),
        metadata={_MARK: card.name},
    )
    return _made(await create_batch(ledger, _ACTOR, form, _key(card.name, form), now))


async def _has_prepared(ledger: Ledger, batch: Batch) -> bool:
    async with ledger.read() as conn:
        newest = await drops.page_of_room(conn, ROOM, _SEARCHED)
    return any(row.batch_id == batch.id and row.state is DropState.PREPARED for row in newest)


async def _prepare_drop(flows: DropService, card: _Card, batch: Batch, now: int) -> None:
    form = DropForm(
        batch_id=batch.id,
        quantity=card.drop,
        duration_seconds=card.seconds,
        message=card.message,
        start=Start.PREPARED,
    )
    _made(await flows.create(ROOM, form, None, now))


def _key(name: str, form: object) -> IdempotencyKey:
    body = hashlib.blake2s(repr(form).encode(), digest_size=16).hexdigest()
    # The key contains the hash of the body: another version of the demo has another key, not a mismatch.
    return IdempotencyKey(_ACTOR, "demo", f"{name}-{body}", body)


def _made(answer: _Made | Refused) -> _Made | None:
    """Return the result, or log a refusal: the service is useful without its demo."""
    if isinstance(answer, Refused):
        _log.warning("demo_refused", code=answer.code, detail=answer.detail)
        return None
    return answer
