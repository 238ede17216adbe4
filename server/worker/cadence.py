"""The waits and deadlines of a worker, apart from the intervals of its jobs (jobs/).

Part of `WorkerParts`. Production uses the defaults; tests pass other values.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    read_ms: int = 1_000  # one blocking read of the outbox
    read_while_stuck_ms: int = 100  # the same while a shard is being rebuilt: the others must go on
    look_s: float = 0.1  # between two looks whether the ledger has changed
    retry_s: float = 0.2  # after a failure, before the next try
    left_behind_ms: int = 2_000  # an intent this old has lost the process that was driving it
    finish_s: float = 2.5  # for the rounds that are running when the worker is told to stop
    leave_s: float = 0.5  # for taking its consumers out of the outbox
