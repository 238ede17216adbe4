"""Tune Python's garbage collector for a long-lived process with many objects.

Called by `web` and `worker` once everything has been made.
"""

import gc


def tune_garbage_collector() -> None:
    """Exclude the objects made so far from collection, and collect less often.

    With Python's defaults each burst of allocations scans ten thousand sockets, or a thousand claims on
    their way to the ledger, again and again, though none of them is garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
