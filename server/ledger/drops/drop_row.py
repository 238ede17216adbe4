"""One drop as the ledger has it, and how it is read from and written to its row.

Used by drops.py, which has the queries, and by everybody who is handed a drop.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.engine import RowMapping

from server.core.drops.claims import Audience
from server.core.drops.drop_ends import DropEnd
from server.core.drops.drop_events import ToldDrop
from server.core.drops.drops import CloseReason, DropState, EndsBy, Window
from server.core.drops.tasks import Task, read_task, task_to_json
from server.core.ids import BatchId, DropId
from server.ledger.drops.draws import DrawRow


@dataclass(frozen=True, slots=True)
class DropRow:
    """A drop as the ledger has it. Instants are in ms.

    `quantity` includes top-ups; `returned` counts units that went back to the batch. A prepared drop has
    taken none yet. `state` is one of prepared, opening, open and closed; the states between open and closed
    follow from the clock (core/drops/drops.state_at).

    `ends` says how it ends: after `duration_seconds` (0 where that does not count), at `ends_at`, or when
    somebody closes it. `openings` counts how often it was opened: 1, and 1 for each reopening.
    A draw stays open after its window: `drawing_at` is when the desk closed it, and `draw` what is committed
    and sealed of it. `rehearsal`: only its testers see it, and no batch, budget or report knows of it.
    `show_winners`: the room is told masked names of who won.
    """

    id: DropId
    room: str
    batch_id: BatchId
    per_student: int
    shard: int
    state: DropState
    mode: str
    message: str
    quantity: int
    duration_seconds: int
    opens_in_seconds: int
    audience: Audience
    metadata: Mapping[str, str]
    created_by: str
    created_at: int
    returned: int = 0
    opens_at: int | None = None
    closes_at: int | None = None
    closed_at: int | None = None
    close_reason: CloseReason | None = None
    present_at_open: int | None = None
    task: Task | None = None
    ends: EndsBy = EndsBy.DURATION
    ends_at: int | None = None
    openings: int = 1
    rehearsal: bool = False
    show_winners: bool = False
    window_version: int = 0
    drawing_at: int | None = None
    draw: DrawRow | None = None

    @property
    def is_drawing(self) -> bool:
        """True for a draw that is over, and whose winners are not all there yet."""
        return self.drawing_at is not None and self.state is DropState.OPEN

    @property
    def told(self) -> ToldDrop:
        """The part of it that its events tell."""
        return ToldDrop(self.id, self.room, self.batch_id, self.quantity, self.rehearsal)

    @property
    def end(self) -> DropEnd:
        """The end of the drop, as it was asked for."""
        return DropEnd(self.ends, self.duration_seconds, self.ends_at)

    @property
    def window(self) -> Window | None:
        """The window, None before the desk has stamped it."""
        if self.opens_at is None or self.closes_at is None:
            return None
        return Window(self.opens_at, self.closes_at, self.ends is EndsBy.HAND)

    @property
    def in_drop(self) -> int:
        """The units that are in the drop while it is open: those that went back to the batch are not."""
        return self.quantity - self.returned


def columns_of(row: DropRow) -> dict[str, object]:
    """Return the drop's columns by name."""
    columns: dict[str, object] = {name: getattr(row, name) for name in _PLAIN}
    audience = {"tags": sorted(row.audience.tags), "students": sorted(row.audience.students)}
    return columns | {
        "state": row.state.value,
        "ends": row.ends.value,
        "audience": audience,
        "metadata": dict(row.metadata),
        "task": task_to_json(row.task) if row.task is not None else None,
    }


def row_of(row: RowMapping, draw: DrawRow | None = None) -> DropRow:
    """Return the drop of a row with all columns of the table."""
    audience, reason = row["audience"], row["close_reason"]
    return DropRow(
        **{name: row[name] for name in _PLAIN},
        state=DropState(row["state"]),
        ends=EndsBy(row["ends"]),
        audience=Audience(frozenset(audience["tags"]), frozenset(audience["students"])),
        metadata=row["metadata"],
        task=read_task(row["task"]),
        close_reason=CloseReason(reason) if reason else None,
        draw=draw,
    )


# Columns that are fields under the same name.
_PLAIN = (
    *("id", "room", "batch_id", "per_student", "shard", "mode", "message", "quantity"),
    *("duration_seconds", "opens_in_seconds", "created_by", "created_at", "returned"),
    *("opens_at", "closes_at", "closed_at", "present_at_open", "ends_at", "openings", "rehearsal"),
    *("window_version", "drawing_at", "show_winners"),
)
