"""The channels that allow a drop to ask for invitations."""

import pytest

from server.core.drops.invite_rule import EVERYWHERE, InviteRule
from server.core.drops.tasks import InviteTask, SignInTask, Task

INVITE = InviteTask(2)


@pytest.mark.parametrize(
    ("rule", "task", "channel"),
    [
        (EVERYWHERE, INVITE, "wechat"),
        (InviteRule(frozenset({"app"})), INVITE, "app"),
        (InviteRule(frozenset()), SignInTask(), "wechat"),
        (InviteRule(frozenset()), None, "wechat"),
    ],
)
def test_allowed(rule: InviteRule, task: Task | None, channel: str) -> None:
    assert rule.refusal(task, channel) is None


@pytest.mark.parametrize("channels", [frozenset[str](), frozenset({"app", "WeChat"})])
def test_a_channel_that_is_not_named_is_refused(channels: frozenset[str]) -> None:
    no = InviteRule(channels).refusal(INVITE, "wechat")
    assert no is not None
    assert no.facts["errors"] == [{"field": "task.kind", "code": "not_allowed"}]


def test_a_rule_says_which_channels_allow_it() -> None:
    some = InviteRule(frozenset({"app"}))

    assert (some.allows("app"), some.allows("wechat"), EVERYWHERE.allows("wechat")) == (
        True,
        False,
        True,
    )
