"""Acts are found by their name, or by the thing on which they were done."""

from server.core.acts import Action, actions_named


def test_a_name_finds_its_action_and_a_thing_all_of_its_actions() -> None:
    assert actions_named("batch.made") == (Action.BATCH_MADE,)
    assert actions_named("all") == (Action.ALL_STOPPED, Action.ALL_RESUMED)
    assert actions_named("batch.") == actions_named("bat") == ()
