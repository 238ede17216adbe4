"""`python -m server doctor` as an operator meets it: exit status, words, JSON, and two of them at once."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from server.ledger import tables
from tests.support.faults.corruption import forget_the_stream
from tests.support.servers.redis_server import RedisServer
from tests.support.servers.stack import Program, Programs
from tests.support.worker_rig import WorkerRig, is_confirmed

DEADLINE_S = 60


@pytest.fixture
def environment(redis_server: RedisServer, key_prefix: str, database_url: str) -> dict[str, str]:
    """No secret: doctor serves nobody."""
    return {
        "CLASSDROP_REDIS_URL": redis_server.url,
        "CLASSDROP_DATABASE_URL": database_url,
        "CLASSDROP_KEY_PREFIX": key_prefix,
    }


def answered(program: Program) -> tuple[int, dict[str, Any]]:
    status = program.wait(DEADLINE_S)
    answer: dict[str, Any] = json.loads(program.output)
    return status, answer


@pytest.mark.asyncio
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the flows are tried on both
async def test_it_finds_names_and_mends_while_another_does_the_same(
    rig: WorkerRig, programs: Programs, environment: dict[str, str]
) -> None:
    drop = await rig.classroom.opened()
    await rig.classroom.won(drop.id, "s1", "s2")
    while await rig.unacknowledged():
        await rig.loop.step()
    well = programs.start(["doctor"], environment)
    assert well.wait(DEADLINE_S) == 0, well.errors
    assert well.output.splitlines() == [
        "looked at 1 drops (1 open) of 1 batches",
        "all is well: desk and ledger agree, and the books add up",
    ]

    await rig.classroom.won(drop.id, "s3")
    await forget_the_stream(rig)
    codes = await rig.codes(drop.id)
    async with rig.ledger.begin() as conn:
        await conn.execute(delete(tables.coupons).where(tables.coupons.c.student == "s2"))
    told, asked = (programs.start(["doctor", *more], environment) for more in ([], ["--json"]))
    assert told.wait(DEADLINE_S) == 1
    assert f"drop {drop.id} (room 101): student s3 was told won (unit 3)" in told.output
    assert "student s2 has unit 2 by a claim without a coupon" in told.output
    assert told.output.count("what to do: ") == 3
    assert told.errors == ""
    status, answer = answered(asked)
    assert (status, answer["ok"]) == (1, False)
    assert {(one["kind"], one.get("student")) for one in answer["findings"]} == {
        ("unrecorded_win", "s3"),
        ("claim_without_coupon", "s2"),
        ("books_do_not_add_up", None),
    }

    both = [programs.start(["doctor", "--repair", "--json"], environment) for _ in range(2)]
    for program in both:
        status, answer = answered(program)
        assert (status, answer["ok"], answer["findings"]) == (0, True, []), program.errors
    assert await rig.live(drop.id) == {"s1": 1, "s2": 2, "s3": 3}
    assert await is_confirmed(rig, drop.id, "s1", "s2", "s3")
    after = await rig.codes(drop.id)
    assert {name: after[name] for name in codes} == codes


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_ledger_of_no_schema_is_not_looked_at(
    more: list[str], programs: Programs, redis_server: RedisServer, tmp_path: Path
) -> None:
    program = programs.start(
        ["doctor", *more],
        {
            "CLASSDROP_REDIS_URL": redis_server.url,
            "CLASSDROP_DATABASE_URL": f"sqlite:///{tmp_path / 'empty.db'}",
        },
    )

    assert program.wait(DEADLINE_S) == 2
    assert "could not look: CLASSDROP_DATABASE_URL: not this version's schema" in program.errors
    assert (json.loads(program.output)["ok"] is None) if more else (program.output == "")


def test_without_urls_it_looks_at_the_data_folder_and_says_where_there_is_none(
    programs: Programs,
) -> None:
    program = programs.start(["doctor"])

    assert program.wait(DEADLINE_S) == 2
    assert "could not look: CLASSDROP_REDIS_URL" in program.errors
    assert str(program.data_dir) in program.errors
