"""Children are replaced one after the other, and each new one is up before the old one is told to go."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from server.commands import CommandError
from server.commands.process import supervisor
from server.commands.process.readiness import ReadinessPipe
from server.commands.process.supervisor import Child, Started, Supervisor, supervised
from tests.support.eventually import eventually

pytestmark = pytest.mark.asyncio

# Says what happens to it, one line each; argv: how it is to behave, its name, the sign, the log.
PROGRAM = """
import os, signal, sys
how, name, sign, log = sys.argv[1:]
log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def say(what):
    os.write(log, f"{name} {what}\\n".encode())
def leave(*_):
    say("leaves")
    os._exit(0)
signal.signal(signal.SIGTERM, leave)
if how == "refuses":
    os._exit(2)
if how != "hangs":
    say("is up")
    os.write(int(sign), b"1")
while True:
    signal.pause()
"""


@dataclass(slots=True)
class Family:
    """Children that do as they are told; the nth start of one is its nth word."""

    log: Path
    started: list[Started] = field(default_factory=list)
    on_unexpected_exit: list[str] = field(default_factory=list)

    def child(self, name: str, *behaviour: str, told: bool = True) -> Child:
        """`told` False: whoever starts it does not wait until it is up."""
        starts = iter(enumerate(behaviour, 1))

        async def start() -> Started:
            number, how = next(starts)
            sign = ReadinessPipe()
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-S", "-c", PROGRAM),
                *(how, f"{name}{number}", str(sign.fd), str(self.log)),
                pass_fds=(sign.fd,),
            )
            sign.close_child_end()
            one = Started(process, sign if told else None)
            self.started.append(one)
            return one

        return Child(name, start, on_unexpected_exit=lambda: self.on_unexpected_exit.append(name))

    @property
    def said(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    async def heard(self, *lines: str) -> None:
        await eventually(lambda: set(lines) <= set(self.said), 20)

    def alive(self) -> int:
        return sum(one.process.returncode is None for one in self.started)


@pytest.fixture
def family(tmp_path: Path) -> Family:
    return Family(tmp_path / "log")


@asynccontextmanager
async def running(family: Family, *children: Child) -> AsyncIterator[Supervisor]:
    async with supervised(children) as them:
        await family.heard(*(f"{child.name}1 is up" for child in children))
        yield them
    assert family.alive() == 0


def in_order(said: list[str], *lines: str) -> bool:
    places = [said.index(line) for line in lines]
    return places == sorted(places)


async def test_one_after_the_other_and_the_new_one_first(family: Family) -> None:
    children = [family.child(name, "serves", "serves") for name in ("a", "b")]
    async with running(family, *children) as them:
        assert await them.replace()
        assert family.alive() == 2

    assert in_order(family.said, "a2 is up", "a1 leaves", "b2 is up", "b1 leaves", "a2 leaves"), (
        family.said
    )
    assert family.on_unexpected_exit == []


async def test_control_one_that_is_not_waited_for_leaves_nobody_in_place(family: Family) -> None:
    async with running(family, family.child("a", "serves", "serves", told=False)) as them:
        assert await them.replace()
        await family.heard("a2 is up")

    assert in_order(family.said, "a1 leaves", "a2 is up"), family.said


@pytest.mark.parametrize("how", ["hangs", "refuses"])
async def test_a_new_one_that_does_not_get_up_leaves_the_old_one_and_the_rest_alone(
    family: Family, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "UP_SECONDS", 0.5 if how == "hangs" else 20)
    children = (family.child("a", "serves", how), family.child("b", "serves"))
    async with running(family, *children) as them:
        assert not await them.replace()
        assert family.alive() == 2
        assert "a1 leaves" not in family.said


async def test_an_old_one_that_dies_meanwhile_is_followed_all_the_same(family: Family) -> None:
    async with running(family, family.child("a", "serves", "serves")) as them:
        replacing = asyncio.create_task(them.replace())
        await eventually(lambda: len(family.started) == 2, 20)
        family.started[0].process.kill()
        assert await replacing
        assert family.alive() == 1


async def test_to_stop_in_the_middle_leaves_nobody_behind(family: Family) -> None:
    async with running(family, family.child("a", "serves", "hangs")) as them:
        replacing = asyncio.create_task(them.replace())
        await eventually(lambda: len(family.started) == 2, 20)
    assert family.alive() == 0
    replacing.cancel()


async def test_one_that_died_is_told_of_and_started_again(family: Family) -> None:
    async with running(family, family.child("a", "serves", "serves")):
        family.started[0].process.kill()
        await family.heard("a2 is up")
        assert family.on_unexpected_exit == ["a"]


async def test_one_that_refuses_from_the_start_ends_everything(family: Family) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        async with supervised([family.child("a", "refuses"), family.child("b", "serves")]):
            await asyncio.Event().wait()
    assert raised.group_contains(CommandError)
    assert family.alive() == 0


async def test_each_signal_replaces_them_once(family: Family) -> None:
    async with running(family, family.child("a", "serves", "serves", "serves")) as them:
        replacing = asyncio.create_task(them.replace_on_signal())
        await handled(signal.SIGUSR2)
        for number in (2, 3):
            os.kill(os.getpid(), signal.SIGUSR2)
            await family.heard(f"a{number} is up", f"a{number - 1} leaves")
        replacing.cancel()


async def handled(number: signal.Signals) -> None:
    """Wait until SIGUSR2 is handled and would not end this process any more."""
    await eventually(lambda: signal.getsignal(number) is not signal.SIG_DFL)
