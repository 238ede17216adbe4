"""Computes the results of a storm from its samples.

Pure. Called by `classroom`; read by `report`, `command` and the bench. Delays are float ms, computed from ns.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from loadtest.percentiles import Spread
from loadtest.storm.recording import Recording

_NS_PER_MS: Final = 1e6


@dataclass(frozen=True, slots=True)
class Delivery:
    """One frame that went to a whole room. `delays`: ms from the instructor's call to each student who got
    it; `missing`: how many did not."""

    delays: Sequence[float]
    missing: int

    @property
    def spread(self) -> Spread:
        return Spread.of(self.delays)

    @property
    def span_ms(self) -> float:
        """The time from the first student who got the frame to the last."""
        return max(self.delays) - min(self.delays) if self.delays else 0.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """The frames and the outcome of one student in the drop's room: ms after the instructor's call. None:
    never."""

    pushed_ms: float | None
    answered_ms: float | None
    confirmed_ms: float | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Results:
    """The results of one run; the JSON file shows them under these names.

    join: from the planned moment to `welcome`.
    push: from the instructor's call (before the POST is sent) to the frame.
    claim: from the planned tap to the answer.
    confirm: from `won` to `claim_confirmed`.
    claim_span_ms: from the first planned tap to the last answer.
    troubles: lost connections, errors and repeated claims, by text.
    """

    join: Spread
    push: Spread
    claim: Spread
    confirm: Spread
    joined_in_s: float
    joins_per_s: float
    claim_span_ms: float
    outcomes: dict[str, int]
    troubles: dict[str, int]

    @property
    def spreads(self) -> dict[str, Spread]:
        """The four delays, by the names in DELAYS."""
        return {
            "join": self.join,
            "push": self.push,
            "claim": self.claim,
            "confirm": self.confirm,
        }


def results_of(recordings: Sequence[Recording], pressed_at: int) -> Results:
    """Compute the results. `pressed_at`: when the instructor opened the drop, ns of CLOCK_MONOTONIC."""
    outcomes = Counter(outcome for one in recordings for outcome in one.outcomes if outcome)
    troubles: Counter[str] = sum((one.troubles for one in recordings), Counter())
    joined = _all(recordings, lambda one: one.joined)
    due = _all(recordings, lambda one: one.join_due)
    joined_in_s = (max(joined) - min(due)) / 1e9 if joined and due else 0.0
    taps = _all(recordings, lambda one: one.tap_due)
    answers = _all(recordings, lambda one: one.answered)
    return Results(
        join=_delays(recordings, lambda one: (one.join_due, one.joined)),
        push=Spread.of(
            (at - pressed_at) / _NS_PER_MS for at in _all(recordings, lambda one: one.pushed)
        ),
        claim=_delays(recordings, lambda one: (one.tap_due, one.answered)),
        confirm=_delays(recordings, lambda one: (one.answered, one.confirmed)),
        joined_in_s=joined_in_s,
        joins_per_s=len(joined) / joined_in_s if joined_in_s > 0 else 0.0,
        claim_span_ms=(max(answers) - min(taps)) / _NS_PER_MS if answers and taps else 0.0,
        outcomes=dict(outcomes.most_common()),
        troubles=dict(troubles.most_common()),
    )


def deliveries_of(
    recordings: Sequence[Recording], pressed_at: Mapping[int, int], expected: int
) -> list[Delivery]:
    """Return one Delivery for each change of the drop, in the order of `pressed_at`.

    `pressed_at`: the moment of the instructor's call, by the drop's quantity after it. `expected`: the number
    of students who should get each change.
    """
    deliveries = []
    for quantity, pressed in pressed_at.items():
        seen = (at for one in recordings for at in one.changed.get(quantity, ()))
        delays = [(at - pressed) / _NS_PER_MS for at in seen]
        deliveries.append(Delivery(delays, max(0, expected - len(delays))))
    return deliveries


def arrivals_of(recordings: Sequence[Recording], pressed_at: int) -> list[Arrival]:
    """Return what the students in the drop's room received, in the order in which the card reached them."""

    def after(at: int) -> float | None:
        return (at - pressed_at) / _NS_PER_MS if at else None

    arrivals = [
        Arrival(
            after(one.pushed[number]),
            after(one.answered[number]),
            after(one.confirmed[number]),
            one.outcomes[number],
        )
        for one in recordings
        for number in range(len(one.names))
        if one.room_numbers[number] == 0
    ]
    return sorted(arrivals, key=lambda one: math.inf if one.pushed_ms is None else one.pushed_ms)


def outcome_line(results: Results) -> str:
    """Return a sentence with the number of answers by outcome, and of troubles by kind."""
    parts = [f"{count:,} {outcome}" for outcome, count in results.outcomes.items()]
    line = f"Answers: {', '.join(parts) or 'none'}."
    if results.troubles:
        troubles = ", ".join(f"{count:,} × {what}" for what, count in results.troubles.items())
        line += f" On the way: {troubles}."
    return line


def _all(
    recordings: Sequence[Recording], moments: Callable[[Recording], Sequence[int]]
) -> list[int]:
    return [at for one in recordings for at in moments(one) if at]


def _delays(
    recordings: Sequence[Recording],
    moments: Callable[[Recording], tuple[Sequence[int], Sequence[int]]],
) -> Spread:
    """Return the delays between two moments of each student who has both.

    A confirmation may arrive before the answer to the claim: such a delay counts as 0.
    """
    return Spread.of(
        max(0, until - since) / _NS_PER_MS
        for one in recordings
        for since, until in zip(*moments(one), strict=True)
        if since and until
    )
