"""The desk and the feed: Redis, and nothing but Redis. Used by flows, gateway, api and worker.

Raises one thing when Redis cannot be trusted to have done what was asked.
"""


class DeskUnavailableError(Exception):
    """Redis is away, did not answer in time, or is fenced until the desk has been rebuilt.

    What was asked may or may not have happened; every call here may be repeated.
    """


class DeskReplacedError(DeskUnavailableError):
    """What was asked was done on a desk that has been loaded anew since: ask again."""
