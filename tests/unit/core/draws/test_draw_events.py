"""The events of a draw tell its room, its batch, and what became known in the step."""

from server.core.draws import draw_events
from server.core.drops.drop_events import ToldDrop

DROP = ToldDrop("drp_1", "math", "bat_1", 10)
FACTS = {"room": "math", "batch_id": "bat_1"}


def test_each_step_has_what_became_known() -> None:
    sealed = draw_events.sealed(DROP, 3, "ab", 7)
    drawn = draw_events.drawn(DROP, "cd", 2, 8)
    aborted = draw_events.aborted(DROP, "the wrong batch", 9)

    assert (sealed.type, sealed.at, sealed.data) == (
        "draw.sealed",
        7,
        {**FACTS, "entries": 3, "root": "ab"},
    )
    assert (drawn.type, drawn.data) == ("draw.done", {**FACTS, "seed": "cd", "winners": 2})
    assert (aborted.type, aborted.data) == (
        "draw.aborted",
        {**FACTS, "reason": "the wrong batch"},
    )
    assert {one.subject for one in (sealed, drawn, aborted)} == {"drp_1"}
