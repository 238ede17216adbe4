"""The wall clock. A leaf that is called at the edges only (api, gateway, worker, commands).

Flows and rules get `now` as an argument, and Redis stamps the windows of drops.
"""

import time


def now_ms() -> int:
    """Return milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000
