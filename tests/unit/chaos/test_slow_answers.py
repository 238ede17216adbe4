"""The slowest answers: each wait is divided by what was waited for; `calm_ms` is the rest, without faults."""

from client_sdk.python import Status
from tests.chaos.checks.slow_answers import KEPT, SlowAnswer, lines, longest
from tests.chaos.history import (
    BY_HTTP,
    FAILED,
    PUT_OFF,
    SENT,
    Answered,
    AvailabilityChanged,
    DeviceStarted,
    Event,
    Fault,
    History,
    Step,
    Tapped,
)

DEVICE = 7


def step(at: int, what: str, request_id: str = "", detail: str = "", device: int = DEVICE) -> Step:
    return Step(at, device, "ada", what, request_id, detail)


def fault(number: int, target: str, since: int, until: int) -> list[Event]:
    return [
        Fault(since, number, "cut", target, "begin"),
        Fault(until, number, "cut", target, "end"),
    ]


def waits(*events: Event, answered_at: int) -> list[SlowAnswer]:
    """Return the slow answers of one tap at 1,000 ms."""
    answer = Answered(answered_at, 1_000, "ada", "drp_1", "r1", "won", "http")
    tapped = Tapped(1_000, "ada", "drp_1", "r1")
    history = History(events=[DeviceStarted(0, DEVICE, "ada", "web1"), *events, tapped, answer])
    return longest(history, {("ada", "drp_1", "r1"): answer})


def test_the_parts_are_the_whole_wait_by_what_was_waited_for() -> None:
    (wait,) = waits(
        step(0, Status.LIVE),
        step(1_000, SENT, "r1"),
        step(1_100, PUT_OFF, "r1", "socket 500"),
        step(1_600, SENT, "r1"),
        step(1_700, Status.WAITING, detail="1006"),
        step(3_600, BY_HTTP, "r1"),
        step(3_800, FAILED, "r1", "unreachable"),
        step(4_000, Status.CONNECTING),
        step(4_500, Status.JOINING),
        step(4_600, Status.WAITING),
        step(5_000, BY_HTTP, "r1"),
        answered_at=5_300,
    )
    assert wait.took_ms == 4_300
    assert wait.parts == {
        "socket": 100 + 100,
        PUT_OFF: 500,
        "back-off": 1_900 + 200 + 400,
        "http": 200 + 300,
        "joining": 600,
    }


def test_what_another_request_or_device_does_is_no_part_of_it() -> None:
    (wait,) = waits(
        step(0, Status.LIVE),
        step(1_000, SENT, "r1"),
        step(1_100, Status.WAITING, device=8),
        step(1_200, BY_HTTP, "r2"),
        answered_at=2_000,
    )
    assert wait.parts == {"socket": 1_000}


def test_calm_is_what_neither_a_fault_on_the_way_nor_a_part_that_was_down_explains() -> None:
    (wait,) = waits(
        step(1_000, SENT, "r1"),
        *fault(1, "web1-redis", 500, 2_000),
        *fault(2, "redis", 1_500, 2_500),
        *fault(3, "web2", 2_500, 9_000),  # not on this way
        AvailabilityChanged(4_000, "desk", False),
        AvailabilityChanged(4_000, "web2", False),
        AvailabilityChanged(5_000, "desk", True),
        answered_at=6_000,
    )
    assert wait.calm_ms == 5_000 - 1_500 - 1_000
    told = [what for _, what in wait.story]
    assert told == [
        "[cut web1-redis",
        "sent",
        "[cut redis",
        " cut web1-redis]",
        " cut redis]",
        "[desk down",
        " desk down]",
        "answered",
    ]


def test_what_goes_on_and_on_is_told_once_at_its_begin_and_at_its_end() -> None:
    turns = [
        event
        for at in range(1_000, 5_000, 500)
        for event in (step(at, SENT, "r1"), step(at + 10, PUT_OFF, "r1", "socket 490"))
    ]
    (wait,) = waits(*turns, answered_at=6_000)
    told = [line.split()[1] for line in lines([wait]) if line.startswith("     +")]
    assert told == ["sent", "put", "sent", "put", "answered"]


def test_what_was_left_unanswered_has_no_length() -> None:
    history = History(events=[Tapped(1_000, "ada", "drp_1", "r1"), step(1_000, SENT, "r1")])
    assert longest(history, {}) == []


def test_the_longest_of_all_rounds_come_first_and_the_others_not_at_all() -> None:
    short, long = (waits(step(1_000, SENT, "r1"), answered_at=at) for at in (2_000, 3_500))
    table = list(lines([*short * KEPT, *long]))[1 : KEPT + 1]
    assert [float(line.split()[0]) for line in table] == [2.5, 1.0, 1.0, 1.0, 1.0]
    assert table[0].endswith("ada at web1, won by http")
