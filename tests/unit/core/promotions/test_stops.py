from server.core.promotions.stops import EVERYTHING, StopForm, Stoppable


def test_what_is_stopped_is_told_by_its_id_or_is_everything() -> None:
    assert StopForm(Stoppable.BATCH, "bat_1", claims=True, use=False).target == "bat_1"
    assert StopForm(Stoppable.EVERYTHING, "", claims=True, use=False).target == EVERYTHING
