from server.core.promotions.stops import EVERYTHING, StopForm, Stoppable


def test_the_target_of_a_stop_is_an_id_or_everything() -> None:
    assert StopForm(Stoppable.BATCH, "bat_1", claims=True, use=False).target == "bat_1"
    assert StopForm(Stoppable.EVERYTHING, "", claims=True, use=False).target == EVERYTHING
