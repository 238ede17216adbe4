"""The metrics of one process.

Made once for each process by the commands and passed to every part, which records into it. A leaf: knows
nothing but the names of what is counted. No student, drop or token is ever a label: the number of time
series must not grow with them.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Upper bounds of buckets. The targets are: a push within 150 ms, a claim within 50, a commit within 20.
_FAST_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Metrics:
    """Every metric of one process, in its own registry, in base units, named `classdrop_...`.

    The table in the documentation is rendered from here, help texts included.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.labels: dict[str, tuple[str, ...]] = {}  # family -> names of its labels
        self._gateway()
        self._desk()
        self._ledger()
        self._http()

    def _gateway(self) -> None:
        self.ws_connections = self._gauge("ws_connections", "Sockets open now")
        self.ws_connects = self._counter("ws_connects", "Sockets that sent hello", "result")
        self.ws_refused = self._counter("ws_refused", "Handshakes refused", "reason")
        self.ws_joins_peak = self._gauge("ws_joins_peak", "Most sockets admitted within one second")
        self.ws_disconnects = self._counter("ws_disconnects", "Sockets that ended", "reason")
        self.evictions = self._counter("ws_evictions", "Sockets ended for reading too slowly")
        self.push_delay = self._seconds("push_delay", "From publishing to the socket's buffer")
        self.broadcast_duration = self._seconds("broadcast_duration", "One frame to one room")
        self.feed_gaps = self._counter("feed_gaps", "Publications missed and recovered")
        self.heartbeat_age = self._gauge(
            "feed_heartbeat_age_seconds", "Since the last heartbeat of the feed"
        )
        self.loop_lag = self._seconds("loop_lag", "How late the event loop ran a timer")

    def _desk(self) -> None:
        self.claims = self._counter("claims", "Claims decided", "outcome")
        self.claim_batch_size = self._sizes("claim_batch_size", "Claims in one script call")
        self.script_duration = self._seconds("script_duration", "One script call", "script")
        self.outbox_lag = self._gauge("outbox_lag_entries", "Claims not in the ledger yet", "shard")
        self.outbox_oldest_age = self._gauge(
            "outbox_oldest_age_seconds", "Age of the oldest claim not in the ledger", "shard"
        )
        self.fence_closed = self._gauge("fence_closed", "1 while claims are refused", "shard")
        self.rebuilds = self._counter("rebuilds", "Desks loaded from the ledger")
        self.rebuild_failures = self._counter(
            "rebuild_failures", "Rebuilds of a desk that failed; `/readyz` says why", "shard"
        )

    def _ledger(self) -> None:
        self.ledger_commit = self._seconds("ledger_commit", "One transaction of claims")
        self.ledger_batch_size = self._sizes("ledger_batch_size", "Claims in one transaction")
        self.confirmed = self._counter("confirmed", "Claims confirmed")
        self.revoked = self._counter("revoked", "Wins taken back with an apology")
        self.dead_letters = self._counter(
            "dead_letters", "Claims set aside for an operator to inspect"
        )
        self.holds_ended = self._counter(
            "holds_ended", "Coupons whose hold ended before they were used"
        )
        self.budget_warnings = self._counter(
            "budget_warnings",
            "Levels (percent) of campaigns' budgets reached, each once",
            "budget",
            "level",
        )
        self.last_event = self._gauge("last_event_number", "The last number that this worker gave")
        self.events_unnumbered_age = self._gauge(
            "events_unnumbered_age_seconds", "Age of the oldest event without a number"
        )
        self.batches_paused = self._counter(
            "batches_paused", "Batches that went out faster than their plan and paused themselves"
        )
        self.webhook_lag = self._gauge(
            "webhook_lag_events", "Events that the receiver furthest behind has not got"
        )
        self.webhooks_disabled = self._gauge("webhooks_disabled", "Receivers that were given up")
        self.intents_pending = self._gauge(
            "intents_pending", "Changes of drops that are not on the desk yet"
        )
        self.stock = self._gauge(
            "stock_units", "Units of open drops by state; their sum is the quantity", "use"
        )
        self.difference = self._gauge(
            "difference_units", "Units by which ledger and desk disagree; not 0 means a fault"
        )

    def _http(self) -> None:
        self.http_requests = self._counter("http_requests", "Responses", "route", "status")
        self.http_duration = self._seconds(
            "http_request_duration", "From request to response", "route"
        )

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(self._named(name, labels), help_text, labels, registry=self.registry)

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(self._named(name, labels), help_text, labels, registry=self.registry)

    def _seconds(self, name: str, help_text: str, *labels: str) -> Histogram:
        return Histogram(
            self._named(f"{name}_seconds", labels),
            help_text,
            labels,
            buckets=_FAST_SECONDS,
            registry=self.registry,
        )

    def _sizes(self, name: str, help_text: str) -> Histogram:
        return Histogram(self._named(name, ()), help_text, buckets=_SIZES, registry=self.registry)

    def _named(self, name: str, labels: tuple[str, ...]) -> str:
        full = f"classdrop_{name}"
        self.labels[full] = labels
        return full
