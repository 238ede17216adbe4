"""The list of scenarios, in the order in which they are run and shown.

Called by `command`, `tables` and tests.
"""

from collections.abc import Sequence
from typing import Final

from loadtest.bench.scenario import Scenario
from loadtest.bench.scenarios.checkout import CHECKOUT
from loadtest.bench.scenarios.deaf import DEAF
from loadtest.bench.scenarios.desk import DESK
from loadtest.bench.scenarios.draw import DRAW
from loadtest.bench.scenarios.events import EVENTS
from loadtest.bench.scenarios.issuance import ISSUANCE
from loadtest.bench.scenarios.link import LINK
from loadtest.bench.scenarios.lottery import LOTTERY
from loadtest.bench.scenarios.progress import PROGRESS
from loadtest.bench.scenarios.reconnect import RECONNECT
from loadtest.bench.scenarios.room_storms import LARGEST, ROOMS, SIZES

_STORMS: Final = (LARGEST, SIZES, ROOMS, RECONNECT, PROGRESS, DEAF)
SCENARIOS: Final[Sequence[Scenario]] = (
    *_STORMS,
    DESK,
    CHECKOUT,
    ISSUANCE,
    LOTTERY,
    LINK,
    DRAW,
)
# The others run where they are named: the README's tables are of one run, which did not have them.
ALL: Final[Sequence[Scenario]] = (*SCENARIOS, EVENTS)


class UnknownScenarioError(Exception):
    """There is no scenario of that name; the text lists the names."""


def scenarios_named(names: Sequence[str]) -> list[Scenario]:
    """Return the scenarios with these names in their usual order; without names, those of the README."""
    known = [scenario.name for scenario in ALL]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UnknownScenarioError(
            f"no scenario {', '.join(unknown)}; there are {', '.join(known)}"
        )
    if not names:
        return list(SCENARIOS)
    return [scenario for scenario in ALL if scenario.name in names]
