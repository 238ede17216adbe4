"""The masked names of a room that were not sent yet."""

from server.core.drops.winner_names import NamedWinners
from server.gateway.rooms.winner_names import WinnerNames


def test_a_winner_whose_confirmation_comes_twice_is_noted_once() -> None:
    names = WinnerNames()
    names.note("drp_1", "ann", "A***")
    names.note("drp_1", "ann", "A***")
    names.note("drp_1", "bob", "B***")

    assert names.take_noted({"drp_1"}) == {"drp_1": NamedWinners(("A***", "B***"))}
    names.note("drp_1", "ann", "A***")
    assert names.take_noted({"drp_1"}) == {}


def test_what_several_gateways_told_is_one_for_each_drop() -> None:
    names = WinnerNames()
    names.hear("drp_1", NamedWinners(("A***",), 1))
    names.hear("drp_1", NamedWinners(("B***",), 2))

    assert names.take_heard({"drp_1"}) == {"drp_1": NamedWinners(("A***", "B***"), 3)}
    assert names.take_heard({"drp_1"}) == {}


def test_what_was_told_is_kept_for_those_who_come_later() -> None:
    names = WinnerNames()
    names.know({"drp_1": NamedWinners(("A***",), 5)})
    names.hear("drp_1", NamedWinners(("B***",), 2))
    names.hear("drp_2", NamedWinners(("C***",)))
    names.take_heard({"drp_1"})
    names.take_heard({"drp_1"})

    assert names.told == {"drp_1": NamedWinners(("A***", "B***"), 7)}
    names.take_heard(())
    assert names.told == {}


def test_a_drop_that_left_the_room_is_forgotten() -> None:
    names = WinnerNames()
    names.note("drp_1", "ann", "A***")
    assert not names.is_empty
    names.take_noted(())

    assert names.is_empty
