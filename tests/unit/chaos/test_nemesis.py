"""A plan of faults is the same for a seed, has every kind once before any twice, and every fault ends."""

import random

from tests.chaos.nemesis import KINDS, Planned, plan

PROCESSES = ("redis", "web1", "worker1")
NETWORKS = ("clients-web1", "web1-redis", "worker1-sql")
SECONDS = 300.0


def planned(seed: int = 1, seconds: float = SECONDS) -> list[Planned]:
    return plan(random.Random(seed), seconds, PROCESSES, NETWORKS)


def test_a_seed_gives_the_same_plan_again() -> None:
    assert planned(7) == planned(7) != planned(8)


def test_every_kind_is_done_to_every_target_it_fits() -> None:
    done = {(fault.kind, fault.target) for fault in planned()}
    fits = {(kind, target) for kind in KINDS[:2] for target in PROCESSES}
    fits |= {(kind, target) for kind in KINDS[2:] for target in NETWORKS}
    assert done == fits


def test_a_target_has_one_fault_at_a_time() -> None:
    ended = dict.fromkeys((*PROCESSES, *NETWORKS), 0.0)
    for fault in planned():
        assert ended[fault.target] <= fault.begins < fault.ends
        ended[fault.target] = fault.ends


def test_all_have_ended_when_the_time_is_over() -> None:
    assert max(fault.ends for fault in planned(seconds=10)) <= 10
