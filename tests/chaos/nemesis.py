"""Injects faults: a seeded plan of faults, each with a begin and an end, and its execution.

`plan` is pure. `Nemesis` runs it on a `Site` and writes every begin and end into the history. Everything is
healed when it returns. Two faults at the same time never have the same target.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tests.chaos.history import Fault, History, now_ms
from tests.chaos.pauses import pause
from tests.chaos.site import Site
from tests.support.servers.tcp_proxy import BOTH, TcpProxy, Way

_GAP_S = (0.2, 1.6)  # seconds from one begin to the next
_LENGTH_S = (0.4, 5.0)
_PROCESS_KINDS = ("kill", "freeze")
_NETWORK_KINDS = (
    "slow",
    "cut",
    "black hole",
    "black hole up",
    "black hole down",
    "half close up",
    "half close down",
    "cut after bytes",
    "refuse",
)
KINDS = (*_PROCESS_KINDS, *_NETWORK_KINDS)


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault of a plan. Times are seconds from the start of the plan."""

    kind: str
    target: str
    begins: float
    ends: float


def plan(
    dice: random.Random, seconds: float, processes: Sequence[str], networks: Sequence[str]
) -> list[Planned]:
    """Return a plan in which every kind comes once before any comes again, and so do the targets of each
    kind."""
    kinds = _dealt(dice, KINDS)
    targets = {
        kind: _dealt(dice, processes if kind in _PROCESS_KINDS else networks) for kind in KINDS
    }
    planned: list[Planned] = []
    free_from = dict.fromkeys((*processes, *networks), 0.0)
    begins = dice.uniform(*_GAP_S)
    while begins < seconds:
        kind = next(kinds)
        target = next(targets[kind])
        if free_from[target] <= begins:
            ends = min(begins + dice.uniform(*_LENGTH_S), seconds)
            planned.append(Planned(kind, target, begins, ends))
            free_from[target] = ends
        begins += dice.uniform(*_GAP_S)
    return planned


def _dealt(dice: random.Random, cards: Sequence[str]) -> Iterator[str]:
    while True:
        yield from dice.sample(cards, len(cards))


class _Process(Protocol):
    def kill9(self) -> None: ...
    def freeze(self) -> None: ...
    def thaw(self) -> None: ...


@dataclass(slots=True)
class Nemesis:
    site: Site
    history: History
    dice: random.Random

    def plan(self, seconds: float) -> list[Planned]:
        return plan(self.dice, seconds, ["redis", *self.site.members], sorted(self.site.proxies))

    async def run(self, planned: Iterable[Planned]) -> None:
        """Run the faults. Returns when the last has ended and every process runs and is connected again."""
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.TaskGroup() as tasks:
                for fault in planned:
                    tasks.create_task(self._one(fault, started))
        finally:
            await self.heal()

    async def heal(self) -> None:
        for proxy in self.site.proxies.values():
            await proxy.heal()
        for member in self.site.members.values():
            if member.has_ended:
                member.start()
            member.thaw()
        if self.site.redis_server.is_dead:
            self.site.redis_server.restart()
        self.site.redis_server.thaw()

    async def _one(self, fault: Planned, started: float) -> None:
        number, clock = self.history.number(), asyncio.get_running_loop().time
        await pause(started + fault.begins - clock())
        begin, end = self._hands(fault)
        self._note(number, fault, "begin")
        await begin()
        await pause(started + fault.ends - clock())
        await end()
        self._note(number, fault, "end")

    def _note(self, number: int, fault: Planned, phase: str) -> None:
        self.history.note(
            Fault(
                now_ms(), number, fault.kind, fault.target, "begin" if phase == "begin" else "end"
            )
        )

    def _hands(self, fault: Planned) -> tuple["_Hand", "_Hand"]:
        if fault.kind in _PROCESS_KINDS:
            return self._on_process(fault)
        proxy = self.site.proxies[fault.target]
        return _network(proxy, self.dice)[fault.kind], proxy.heal

    def _on_process(self, fault: Planned) -> tuple["_Hand", "_Hand"]:
        redis = self.site.redis_server
        if fault.target == "redis":
            process: _Process = redis
            back: Callable[[], None] = redis.restart
        else:
            member = self.site.members[fault.target]
            process, back = member, member.start
        if fault.kind == "kill":
            return _hand(process.kill9), _hand(back)
        return _hand(process.freeze), _hand(process.thaw)


_Hand = Callable[[], Awaitable[None]]


def _hand(act: Callable[[], None]) -> _Hand:
    async def done() -> None:
        act()

    return done


def _network(proxy: TcpProxy, dice: random.Random) -> Mapping[str, _Hand]:
    latency, jitter = dice.uniform(0.02, 1.0), dice.uniform(0, 0.5)
    way, count = dice.choice(BOTH), dice.randrange(1, 20_000)
    return {
        "slow": _hand(lambda: proxy.delay(latency, jitter)),
        "cut": _hand(proxy.cut),
        "black hole": _hand(proxy.hold),
        "black hole up": _hand(lambda: proxy.hold(Way.UP)),
        "black hole down": _hand(lambda: proxy.hold(Way.DOWN)),
        "half close up": _hand(lambda: proxy.half_close(Way.UP)),
        "half close down": _hand(lambda: proxy.half_close(Way.DOWN)),
        "cut after bytes": _hand(lambda: proxy.cut_after(count, way)),
        "refuse": proxy.refuse,
    }
