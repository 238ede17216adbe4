"""The switch that stops claims, use or both: of a campaign, of a batch or of everything."""

from typing import TypedDict


class Stop(TypedDict):
    """The parts that are stopped now. `reason`, `changed_by` and `changed_at` belong to the last change."""

    claims: bool
    use: bool
    reason: str
    changed_by: str
    changed_at: str


class StopForm(TypedDict, total=False):
    """The switch, or both, to stop or to resume. An absent field stays as it is."""

    claims: bool
    use: bool
    reason: str
