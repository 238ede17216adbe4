"""kill -9 around the one step that decides who is first: whoever was told `won` has it, whoever was told
nothing asks again and is told the same, and never are there more wins than units."""

import pytest

from server.core.drops.claims import Outcome
from tests.support.eventually import eventually
from tests.support.servers.crash_points import SCRIPT, CrashPoint, CrashSite
from tests.support.worker_rig import WorkerRig, at_work, everybody, is_confirmed

pytestmark = pytest.mark.asyncio

UNITS = 5
TOLD = everybody(3)  # have their answer before anything happens
STRUCK = "s4"  # whose tap is the one that is struck
LATER = everybody(4, start=5)

STEPS = {
    "before_the_script": CrashPoint(*SCRIPT, "before", mark=STRUCK),
    "after_the_script": CrashPoint(*SCRIPT, "after", mark=STRUCK),
}


async def claim_ids(rig: WorkerRig, drop_id: str) -> dict[str, str]:
    """Student -> claim, as the desk has them."""
    row = await rig.classroom.row(drop_id)
    students = [*TOLD, STRUCK, *LATER]
    (found,) = await rig.desk.drops.claims_of([(row.shard, drop_id, students)])
    held = zip(students, found, strict=True)
    return {student: claim.claim_id for student, claim in held if claim is not None}


async def assert_everybody_is_served(rig: WorkerRig, drop_id: str, before: dict[str, str]) -> None:
    """The same requests once more, as SDKs send them where no answer came; and then confirmed."""
    students = [*TOLD, STRUCK, *LATER]

    async def ask(student: str) -> Outcome:
        outcome = await rig.classroom.tap(drop_id, student)
        assert outcome is not Outcome.RETRY
        return outcome

    outcomes = {name: await eventually(lambda name=name: ask(name), 10) for name in students}  # type: ignore[misc]
    winners = [name for name in students if outcomes[name] is Outcome.WON]
    assert winners == [*TOLD, STRUCK, LATER[0]]
    assert {outcomes[name] for name in students if name not in winners} == {Outcome.SOLD_OUT}
    assert before.items() <= (await claim_ids(rig, drop_id)).items()
    await eventually(lambda: is_confirmed(rig, drop_id, *winners), 10)
    assert sorted((await rig.live(drop_id)).values()) == list(range(1, UNITS + 1))
    assert set(await rig.codes(drop_id)) == set(winners)


@pytest.mark.parametrize("step", STEPS)
async def test_the_web_process_dies(crash_site: CrashSite, step: str) -> None:
    rig = crash_site.rig
    drop = await rig.classroom.opened(quantity=UNITS)
    web = await crash_site.web(STEPS[step])
    told = await crash_site.tap(web, drop.id, [*TOLD, STRUCK])
    await web.dies()

    answers = [answer["outcome"] for answer in told.values() if answer is not None]
    assert (answers, told[STRUCK]) == (["won"] * 3, None)
    held = await claim_ids(rig, drop.id)
    assert set(held) == {*TOLD} | ({STRUCK} if step == "after_the_script" else set())
    async with at_work(rig):
        await assert_everybody_is_served(rig, drop.id, held)


@pytest.mark.parametrize("step", STEPS)
async def test_redis_dies(crash_site: CrashSite, step: str) -> None:
    rig = crash_site.rig
    drop = await rig.classroom.opened(quantity=UNITS)
    web = await crash_site.web(STEPS[step], redis_dies=True)
    told = await crash_site.tap(web, drop.id, [*TOLD, STRUCK])
    held = set() if step == "before_the_script" else {STRUCK}
    answer = told[STRUCK]
    assert answer is not None
    assert answer["outcome"] == ("won" if held else "retry")
    await crash_site.redis_returns()

    before = await claim_ids(rig, drop.id)
    assert set(before) == {*TOLD, *held}
    async with at_work(rig):
        await assert_everybody_is_served(rig, drop.id, before)
