"""Strangers are few for each address; those with a token are never counted."""

from server.gateway.doorkeeper import BAD_TOKENS, MAX_STRANGERS, Doorkeeper

NOW = 1_800_000_000_000


def test_strangers_of_one_address_are_limited() -> None:
    keeper = Doorkeeper()
    for _ in range(MAX_STRANGERS):
        keeper.enter("10.0.0.1")
    assert not keeper.admits("10.0.0.1", NOW)
    assert keeper.admits("10.0.0.2", NOW)


def test_a_campus_that_shows_its_tokens_is_no_flood() -> None:
    keeper = Doorkeeper()
    for _ in range(10_000):
        assert keeper.admits("10.0.0.1", NOW)
        keeper.enter("10.0.0.1")
        keeper.leave("10.0.0.1")


def test_an_address_with_many_bad_tokens_has_to_wait() -> None:
    keeper = Doorkeeper()
    for _ in range(BAD_TOKENS.burst + 1):
        keeper.blame("10.0.0.1", NOW)
    assert not keeper.admits("10.0.0.1", NOW)
    later = NOW + BAD_TOKENS.burst * BAD_TOKENS.interval_ms + 1
    assert keeper.admits("10.0.0.1", later)


def test_a_full_process_says_so() -> None:
    keeper = Doorkeeper(max_sockets=1)
    assert not keeper.is_full
    keeper.sockets = 1
    assert keeper.is_full
