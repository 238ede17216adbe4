"""How a flow says no from within a transaction, so that nothing of it is kept.

`raise Stop(Refused(...))` inside `async with ledger.begin()` rolls back; `@returns_refusal` at the flow's
edge turns it into the value that callers see. Used by every flow that refuses after it has begun.
"""

from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import ParamSpec, TypeVar

from server.core.refusals import Code, Refused
from server.desk import DeskUnavailableError
from server.ledger.engine import LedgerUnavailableError

P = ParamSpec("P")
T = TypeVar("T")


class Abort(Exception):
    """Never leaves a public flow function."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.detail or refused.code)
        self.refused = refused


def returns_refusal(
    flow: Callable[P, Awaitable[T]],
) -> Callable[P, Coroutine[object, object, T | Refused]]:
    """A ledger or desk that is away is a no as well: `unavailable`, ask again."""

    @wraps(flow)
    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> T | Refused:
        try:
            return await flow(*args, **kwargs)
        except Abort as stop:
            return stop.refused
        except (LedgerUnavailableError, DeskUnavailableError):
            return Refused(Code.UNAVAILABLE)

    return wrapped


def abort_if(refused: Refused | None) -> None:
    """Raises Stop where a rule has found something."""
    if refused is not None:
        raise Abort(refused)
