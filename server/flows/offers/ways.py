"""Find where a student could get a coupon now, beside what is kept for them: drops that are open in the rooms
of their token, and links that operators show as prompts.

Called by the API for course pages and carts. Whoever the drop is not for, has it already, or has all of its
batch is not told of it. Promises nothing: the desk decides when they claim.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupons import Coupon, CouponState, use_window
from server.core.drops.drops import RoomDrop
from server.core.ids import BatchId, CouponId, DropId, StudentId
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.core.refusals import Refused
from server.desk import DeskUnavailableError
from server.desk.claims.caps import Cap, CapName
from server.flows.access.blocked import BlockedAs, block_refusal
from server.flows.coupons.load_caps import read_used_slots_of_many
from server.flows.drops.views.room_drops import audience_of, room_drop
from server.flows.offers.show_offers import ShownOffer, fits
from server.flows.promotions.stops import claims_refusal
from server.flows.stores import Stores, batch_and_template
from server.ledger.drops import drops
from server.ledger.offers import ways

_log = structlog.get_logger()
MAX_WAYS: Final = 20
_MAX_READ: Final = 50  # of each kind, before those that are not for the student are left out
_MAX_ROOMS: Final = 50


@dataclass(frozen=True, slots=True)
class Way:
    """A drop that the student could claim of; `slug`: of its link, else it is in `drop.room`."""

    drop: RoomDrop
    batch: Batch
    template: Template
    remaining: int
    slug: str | None = None


@dataclass(frozen=True, slots=True)
class Seeker:
    """The account that asks, with the rooms of its token. The school's back end knows no rooms and tags."""

    account: BlockedAs
    rooms: frozenset[str] = frozenset()
    is_new: bool = False

    @property
    def tags(self) -> frozenset[str]:
        return frozenset(self.account.tags)


async def find_ways(
    stores: Stores, seeker: Seeker, course: str | None, now: int, but: Collection[str] = ()
) -> list[Way]:
    """Return the ways, the newest first: those for a course, where one is named; none of the rooms `but`.
    Nothing where Redis does not answer.
    """
    async with stores.ledger.read() as conn:
        found = await _candidates(conn, seeker, course, now, but)
        if not found or await block_refusal(conn, seeker.account, now) is not None:
            return []
    try:
        found = await _with_units(stores, seeker, found)
    except DeskUnavailableError as error:
        _log.warning("ways_not_known", error=str(error))
        return []
    return [one for one in found if await _has_slot(stores, seeker, one)]


async def _candidates(
    conn: AsyncConnection, seeker: Seeker, course: str | None, now: int, but: Collection[str]
) -> list[Way]:
    rooms = sorted(seeker.rooms.difference(but))[:_MAX_ROOMS]
    links = await ways.prompt_links(conn, now, _MAX_READ)
    slugs: dict[DropId, str | None] = dict(links)
    in_rooms = await ways.open_drops(conn, rooms, now, _MAX_READ) if rooms else []
    if not in_rooms and not slugs:
        return []  # as for nearly everybody who joins a class: two reads of an index
    rows = await drops.find_all(conn, [*in_rooms, *slugs])
    found: list[Way] = []
    for row in sorted(rows, key=lambda one: one.id, reverse=True):
        batch, template = await batch_and_template(conn, row.batch_id)
        who = audience_of(row, batch)
        if not who.admits(seeker.account.student, seeker.tags, seeker.is_new):
            continue
        if not fits(template, course) or await _is_stopped(conn, batch):
            continue
        found.append(Way(room_drop(row, template, batch), batch, template, 0, slugs.get(row.id)))
    return found[:MAX_WAYS]


async def _is_stopped(conn: AsyncConnection, batch: Batch) -> bool:
    return isinstance(await claims_refusal(conn, batch), Refused)


async def _with_units(stores: Stores, seeker: Seeker, found: Sequence[Way]) -> list[Way]:
    """Return those that have units left, and that the student has not claimed of."""
    all_drops = [one.drop for one in found]
    counts = await stores.desk.counts_of_many([(one.shard, one.id) for one in all_drops])
    claims = await stores.desk.claims_of_students(all_drops, [seeker.account.student])
    claimed = {drop_id for drop_id, _, _ in claims}
    left = [
        Way(one.drop, one.batch, one.template, one.drop.quantity - count.claimed, one.slug)
        for one, count in zip(found, counts, strict=True)
        if count is not None and one.drop.id not in claimed
    ]
    return [one for one in left if one.remaining > 0]


async def _has_slot(stores: Stores, seeker: Seeker, way: Way) -> bool:
    batch, student = way.batch, StudentId(seeker.account.student)
    cap = Cap(CapName.BATCH, batch.id, batch.per_student)
    used = await read_used_slots_of_many(stores.ledger, batch, [cap], {student}, {})
    return len(used.get(student, {}).get(CapName.BATCH, ())) < batch.per_student


def as_coupon(way: Way | ShownOffer, student: str, now: int) -> Coupon:
    """Return the coupon that the student would get now. Its code says where: the id of the drop or offer."""
    template = way.template
    batch_id = way.batch.id if isinstance(way, Way) else way.offer.batch_id
    place = way.drop.id if isinstance(way, Way) else way.offer.id
    window = use_window(template.form.validity, now)
    return Coupon(
        id=CouponId(place),
        code=place,
        batch_id=BatchId(batch_id),
        template=template,
        student=StudentId(student),
        state=CouponState.USABLE,
        valid_from=window.from_at,
        valid_until=window.until_at,
        created_at=now,
    )
