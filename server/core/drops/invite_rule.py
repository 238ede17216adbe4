"""The rule that says which channels let a drop ask its students to invite others.

Made from CLASSDROP_INVITE_CHANNELS by the composition root. Some channels forbid an app to ask for sharing in
return for something; the school names those where it may.
"""

from dataclasses import dataclass
from typing import Final

from server.core.drops.tasks import InviteTask, Task
from server.core.refusals import Refused, invalid_field


@dataclass(frozen=True, slots=True)
class InviteRule:
    """The channels of batches and links that allow tasks to invite; None: every channel."""

    channels: frozenset[str] | None = None

    def allows(self, channel: str) -> bool:
        """Return whether a drop of this channel may ask its students to invite others."""
        return self.channels is None or channel in self.channels

    def refusal(self, task: Task | None, channel: str) -> Refused | None:
        """Return why a drop of this channel cannot have the task; None if it can."""
        if not isinstance(task, InviteTask) or self.allows(channel):
            return None
        return invalid_field(
            "task.kind", "not_allowed", f"the school allows no invitations on {channel}"
        )


EVERYWHERE: Final = InviteRule()
