"""Slots of students in issuances: the same caps as taps, taken once, given back once, freed once."""

import pytest

from server.core.drops.claims import Outcome
from server.core.ids import Slot, StudentId
from server.desk.claims.caps import Cap, CapName
from server.desk.claims.issuance_slots import Issuing, TakenOfMany
from tests.support.builders.desks import SHARD, Desk

pytestmark = pytest.mark.asyncio

ANN, BOB = StudentId("ann"), StudentId("bob")
BATCH, CAMPAIGN = Cap(CapName.BATCH, "bat_1", 2), Cap(CapName.CAMPAIGN, "cmp_1", 3)


def issuing(name: str = "iss_1", *caps: Cap) -> Issuing:
    return Issuing(SHARD, name, "bat_1", caps or (BATCH,))


async def take(desk: Desk, of: Issuing, *students: StudentId, each: int = 1) -> TakenOfMany:
    taken = await desk.drops.issuance_slots.take(of, students, each)
    assert isinstance(taken, TakenOfMany)
    return taken


def slots(taken: TakenOfMany, student: StudentId, cap: CapName = CapName.BATCH) -> tuple[Slot, ...]:
    return taken.slots[student][cap]


async def epoch_of(desk: Desk) -> int:
    epoch = await desk.drops.issuance_slots.epoch(SHARD)
    assert epoch is not None
    return epoch


async def test_a_repetition_gets_the_same_slots_and_another_issuance_the_next(desk: Desk) -> None:
    first = await take(desk, issuing(), ANN, BOB)
    again = await take(desk, issuing(), BOB, ANN)
    other = await take(desk, issuing("iss_2"), ANN)

    assert slots(first, ANN) == slots(again, ANN) == slots(first, BOB) == (1,)
    assert slots(other, ANN) == (2,)


async def test_a_student_over_one_cap_takes_nothing_of_the_others(desk: Desk) -> None:
    of = issuing("iss_1", BATCH, CAMPAIGN)
    await take(desk, of, ANN, each=2)

    over = await take(desk, issuing("iss_2", BATCH, CAMPAIGN), ANN, BOB)
    elsewhere = await take(desk, issuing("iss_3", CAMPAIGN), ANN)

    assert over.refused == {ANN: CapName.BATCH}
    assert slots(over, BOB) == (1,)
    assert slots(elsewhere, ANN, CapName.CAMPAIGN) == (3,)


async def test_a_pack_gets_all_of_its_slots_or_none(desk: Desk) -> None:
    await take(desk, issuing("iss_1"), ANN)
    pack = await take(desk, issuing("iss_2"), ANN, BOB, each=2)
    assert pack.refused == {ANN: CapName.BATCH}
    assert slots(pack, BOB) == (1, 2)


async def test_a_tap_counts_with_them(desk: Desk) -> None:
    await desk.open(per_student=2)
    await take(desk, issuing(), ANN)
    assert (await desk.tap("ann")).outcome is Outcome.WON
    assert (await take(desk, issuing("iss_2"), ANN)).refused == {ANN: CapName.BATCH}


async def test_what_is_given_back_is_free_and_only_once(desk: Desk) -> None:
    of = issuing()
    await take(desk, of, ANN)
    await desk.drops.issuance_slots.give_back(of, [ANN, BOB])
    await take(desk, issuing("iss_2"), ANN)

    await desk.drops.issuance_slots.give_back(of, [ANN])

    assert slots(await take(desk, issuing("iss_3"), ANN), ANN) == (2,)


async def test_what_is_kept_is_not_given_back(desk: Desk) -> None:
    of = issuing()
    await take(desk, of, ANN, BOB)
    await desk.drops.issuance_slots.keep(of, [ANN])
    assert await desk.drops.issuance_slots.left_behind(of) == [BOB]

    await desk.drops.issuance_slots.give_back(of, [ANN, BOB])

    assert slots(await take(desk, issuing("iss_2"), ANN, BOB), ANN) == (2,)
    assert await desk.drops.issuance_slots.left_behind(of) == []


async def test_a_slot_is_freed_once_whoever_has_taken_it_since(desk: Desk) -> None:
    of = issuing()
    await take(desk, of, ANN, BOB)
    await desk.drops.issuance_slots.keep(of, [ANN, BOB])
    freed = {ANN: {CapName.BATCH: [Slot(1)]}}
    await desk.drops.issuance_slots.free(of, await epoch_of(desk), freed)
    await desk.open(per_student=2)
    assert (await desk.tap("ann")).outcome is Outcome.WON

    await desk.drops.issuance_slots.free(of, await epoch_of(desk), freed)

    assert slots(await take(desk, issuing("iss_2"), ANN), ANN) == (2,)


async def test_a_later_desk_frees_nothing(desk: Desk) -> None:
    of = issuing()
    await take(desk, of, ANN)
    await desk.drops.issuance_slots.free(
        of, await epoch_of(desk) - 1, {ANN: {CapName.BATCH: [Slot(1)]}}
    )
    assert slots(await take(desk, issuing("iss_2"), ANN), ANN) == (2,)
