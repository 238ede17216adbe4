"""The wall clock, read in one place. A leaf, called at the edges (gateway, worker, commands) only: flows and
rules get `now` as an argument, and windows of drops are stamped by Redis.
"""

import time


def now_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000
