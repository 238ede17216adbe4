"""Alerts: what somebody must look at. Twin of `javascript/shapes/alerts.js`."""

from typing import Literal, NotRequired, TypedDict

AlertKind = Literal[
    "money_used",
    "pieces_used",
    "batch_low",
    "batch_paused",
    "webhook_down",
    "issuance_stuck",
    "books_differ",
    "coupons_unused",
    "split_off",
]
AlertAct = Literal[
    "raise_budget", "top_up", "resume", "enable", "stop", "repair", "remind", "end", "dismiss"
]
AlertState = Literal["open", "dismissed", "ended"]


class Alert(TypedDict):
    """An alert. `about`: the id of the campaign, batch, webhook, issuance or experiment, or `consistency`.
    `level`: greater where it is worse; of a budget or of unused coupons percent. `ended_by`: whose act ended
    it; null where it ended by itself."""

    id: str
    kind: AlertKind
    about: str
    name: str
    level: int
    amount: int | None
    left: int | None
    currency: str | None
    reason: str | None
    state: AlertState
    acts: list[AlertAct]
    raised_at: str
    dismissed_by: str | None
    ended_at: str | None
    ended_by: str | None


class Alerts(TypedDict):
    """A page of alerts, newest first. `next` is null on the last page."""

    alerts: list[Alert]
    next: str | None


class AlertActForm(TypedDict):
    """One of the alert's `acts`. `amount`: by how much a budget is raised, or the units a batch gets."""

    act: AlertAct
    amount: NotRequired[int]
