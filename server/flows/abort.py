"""Refuse from within a transaction, so that nothing of it is kept.

`raise Abort(Refused(...))` inside `async with ledger.begin()` rolls back. `@returns_refusal` on the public
flow function turns it into the Refused that callers get. Used by every flow that may refuse after it has
begun its transaction.
"""

from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import ParamSpec, TypeVar

from server.core.refusals import Code, Refused
from server.desk import DeskUnavailableError
from server.ledger.database_errors import LedgerUnavailableError

P = ParamSpec("P")
T = TypeVar("T")


class Abort(Exception):
    """A refusal on its way out of a transaction; never leaves a public flow function."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.detail or refused.code)
        self.refused = refused


def returns_refusal(
    flow: Callable[P, Awaitable[T]],
) -> Callable[P, Coroutine[object, object, T | Refused]]:
    """Decorate a flow: it returns the refusal of an Abort, and `unavailable` where ledger or desk does not
    answer.
    """

    @wraps(flow)
    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> T | Refused:
        try:
            return await flow(*args, **kwargs)
        except Abort as aborted:
            return aborted.refused
        except (LedgerUnavailableError, DeskUnavailableError):
            return Refused(Code.UNAVAILABLE)

    return wrapped


def abort_if(refused: Refused | None) -> None:
    """Raise Abort where a rule has returned a refusal."""
    if refused is not None:
        raise Abort(refused)
