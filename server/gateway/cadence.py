"""The intervals of a gateway's background jobs.

Part of `GatewayParts` (gateway/factory.py). Production uses the defaults; tests pass other values.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """Seconds between two runs of each job. `close_timeout_s`: how long a client may take to answer our
    close before its socket is aborted."""

    progress_s: float = 1.0  # the protocol promises at most one `drop_progress` a second
    presence_s: float = 2.0
    winners_s: float = 1.0  # one `winners` frame of a drop at most
    roster_s: float = 0.25  # who came and who left; an offer by a tag reaches them from then on
    seen_s: float = 0.5
    unconfirmed_s: float = 2.0  # wins whose confirmation may have been lost
    desk_epochs_s: float = 0.5  # has a desk shard been rebuilt?
    token_ends_s: float = 0.5  # a socket is closed at most one second after its token has ended
    revocations_s: float = 0.2  # a socket is closed within a second of its token's revocation
    watch_s: float = 15.0  # time watched by those who are here
    left_s: float = 1.0  # and by those who have left
    ping_s: float = 1.0  # each pass pings one socket in background_tasks.PING_PASSES
    report_s: float = 1.0
    housekeeping_s: float = 10.0
    close_timeout_s: float = 5.0
