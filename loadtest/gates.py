"""Gates of `--fail-on p99_push_ms=500`: limits on measured delays.

Pure. The commands parse them and check them at the end of a run; a limit that is exceeded gives exit status
1.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from loadtest.percentiles import DELAYS, Spread

STATISTICS: Final = ("p50", "p90", "p99", "max")
_GATE: Final = re.compile(
    rf"({'|'.join(STATISTICS)})_({'|'.join(DELAYS)})_ms=([0-9]+(?:\.[0-9]+)?)"
)


@dataclass(frozen=True, slots=True)
class Gate:
    """One limit: `statistic` is a name in STATISTICS, `delay` one in DELAYS."""

    statistic: str
    delay: str
    most_ms: float

    @property
    def name(self) -> str:
        return f"{self.statistic}_{self.delay}_ms"


def parse_gate(text: str) -> Gate:
    """Parse one gate. Raises ValueError, with the allowed names, for any other text."""
    found = _GATE.fullmatch(text)
    if found is None:
        raise ValueError(
            f"not a gate: {text}; write {{{','.join(STATISTICS)}}}_{{{','.join(DELAYS)}}}_ms=NUMBER"
        )
    return Gate(found[1], found[2], float(found[3]))


def exceeded(gates: Iterable[Gate], spreads: Mapping[str, Spread]) -> list[str]:
    """Return one line for each gate that is exceeded. A delay without any sample fails its gate."""
    lines = []
    for gate in gates:
        spread = spreads[gate.delay]
        reached: float = getattr(spread, gate.statistic)
        if not spread.count:
            lines.append(f"{gate.name}: nothing was measured")
        elif reached > gate.most_ms:
            lines.append(f"{gate.name}: {reached:.1f}, at most {gate.most_ms:g} allowed")
    return lines
