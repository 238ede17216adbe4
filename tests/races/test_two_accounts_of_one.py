"""Two accounts of each person, or on each device, tap at the same time at two processes: promise I2.

1,000 persons, 2,000 taps, and more units than taps: nothing but the limit holds them back. One account of a
person comes over a socket to one process, the other over HTTP to the other.
"""

import time
from collections import Counter

import pytest

from server.tokens import TokenKeys
from tests.races.school import School, SchoolMaker
from tests.support.clients.crowd import a_crowd, winners
from tests.support.eventually import eventually
from tests.support.servers.stack import SECRET

pytestmark = pytest.mark.asyncio

ROOM = "101"
HOLDERS = 1_000
UNITS = 2 * HOLDERS


def tokens_of(account: str, kind: str, *, shift: int) -> dict[str, str]:
    """Return a token for an account of each holder, beginning with the holder `shift`: a crowd is spread over
    the processes in turn, so that the accounts of a holder come to different ones. `kind` "": the tokens name
    neither.
    """
    keys, now = TokenKeys((SECRET,)), int(time.time())
    claims = {"role": "student", "rooms": [ROOM], "iat": now, "exp": now + 3600}
    return {
        f"{account}{n}": keys.sign(
            {**claims, "sub": f"{account}{n}", **({kind: f"sha256:{n}"} if kind else {})}
        )
        for n in [*range(shift, HOLDERS), *range(shift)]
    }


async def rush(school: School, kind: str) -> tuple[Counter[str], Counter[str]]:
    """Let all accounts tap; return the number of wins by holder, and how often each outcome was told."""
    batch_id = await school.made_batch(quantity=UNITS, per_device=1)
    async with a_crowd(
        school.urls, ROOM, tokens_of("a", kind, shift=0), tokens_of("b", kind, shift=1)
    ) as crowd:
        drop = await school.opened(ROOM, batch_id, quantity=UNITS)
        await crowd.hear("drop_opened")
        answers = await crowd.tap(drop["id"], "first", deadline_s=30)
    won = Counter(one.student[1:] for one in winners(answers))
    told = Counter(str(answer.get("limit", answer["outcome"])) for _, answer in answers)

    async def all_in_ledger() -> bool:
        return len(await school.books.claims(drop["id"])) >= won.total()

    await eventually(all_in_ledger, deadline_s=20)
    live = [row.student for row in await school.books.claims(drop["id"]) if row.state == "live"]
    assert Counter(student[1:] for student in live) == won
    return won, told


@pytest.mark.parametrize("kind", ["person", "device"])
async def test_each_of_them_gets_exactly_one(school_maker_on_both: SchoolMaker, kind: str) -> None:
    won, told = await rush(await school_maker_on_both.two_ports(), kind)
    assert set(won.values()) == {1}
    assert told == {"won": HOLDERS, kind: HOLDERS}


async def test_control_without_the_hashes_each_of_them_gets_two(
    school_maker: SchoolMaker,
) -> None:
    won, told = await rush(await school_maker.two_ports(), "")
    assert set(won.values()) == {2}
    assert told == {"won": 2 * HOLDERS}
