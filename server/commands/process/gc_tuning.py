"""How often Python looks for garbage in a long-lived process.

Called by `web` and `worker` once everything has been made.
"""

import gc


def calm_garbage_collector() -> None:
    """What is there at the start stays, and neither ten thousand sockets nor a thousand claims on their way
    to the ledger are garbage: with the defaults every burst walks all of them again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
