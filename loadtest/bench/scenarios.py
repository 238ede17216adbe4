"""The list of scenarios, in the order in which they are run and shown.

Called by `command`, `tables` and tests.
"""

from collections.abc import Sequence
from typing import Final

from loadtest.bench.checkout import CHECKOUT
from loadtest.bench.deaf import DEAF
from loadtest.bench.desk import DESK
from loadtest.bench.draw import DRAW
from loadtest.bench.issuance import ISSUANCE
from loadtest.bench.link import LINK
from loadtest.bench.lottery import LOTTERY
from loadtest.bench.progress import PROGRESS
from loadtest.bench.reconnect import RECONNECT
from loadtest.bench.room_storms import LARGEST, ROOMS, SIZES
from loadtest.bench.scenario import Scenario

_STORMS: Final = (LARGEST, SIZES, ROOMS, RECONNECT, PROGRESS, DEAF)
SCENARIOS: Final[Sequence[Scenario]] = (*_STORMS, DESK, CHECKOUT, ISSUANCE, LOTTERY, LINK, DRAW)


class UnknownScenarioError(Exception):
    """There is no scenario of that name; the text lists the names."""


def scenarios_named(names: Sequence[str]) -> list[Scenario]:
    """Return the scenarios with these names in their usual order, or all if no name is given."""
    known = [scenario.name for scenario in SCENARIOS]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UnknownScenarioError(
            f"no scenario {', '.join(unknown)}; there are {', '.join(known)}"
        )
    if not names:
        return list(SCENARIOS)
    return [scenario for scenario in SCENARIOS if scenario.name in names]
