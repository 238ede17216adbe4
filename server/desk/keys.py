"""The names of every key in Redis, and which of them must live together.

Two families with different hash tags, because caps live per batch and pushes per room:
`{dK}` claims, caps, outbox and fence of desk shard K; `{room}` what a room is told. A third, `{figures}`,
is what the processes say of themselves. Called by desk/ only.
"""

import hashlib
from dataclasses import dataclass

SHARDS = 16


def shard_of(batch_or_campaign_id: str) -> int:
    """K, fixed when the batch is made: all batches under one cap meet in one slot."""
    return hashlib.blake2s(batch_or_campaign_id.encode(), digest_size=2).digest()[0] % SHARDS


def channel_in(database: int, name: str) -> str:
    """A channel belongs to no database of Redis: all hear each other. So its name has the number. That of
    database 0 stays as versions before this one have it, which may run beside us during a deploy."""
    return f"{name}@{database}" if database else name


@dataclass(frozen=True, slots=True)
class ShardKeys:
    """Keys of desk shard K."""

    prefix: str
    shard: int

    def _key(self, name: str) -> str:
        return f"{self.prefix}:{{d{self.shard}}}:{name}"

    @property
    def fence(self) -> str:
        """Hash: run_id of the server it was armed for, state, epoch."""
        return self._key("fence")

    @property
    def lease(self) -> str:
        """Who rebuilds; expires by itself."""
        return self._key("lease")

    @property
    def rebuild_trouble(self) -> str:
        """Why the last rebuild failed; expires by itself."""
        return self._key("rebuild_trouble")

    @property
    def mark(self) -> str:
        """Written before a wait for replicas, so that there is something to wait for."""
        return self._key("mark")

    @property
    def outbox(self) -> str:
        """Stream of claims on their way to the ledger."""
        return self._key("outbox")

    def drop(self, drop_id: str) -> str:
        """Hash: window, units, allotments, counters."""
        return self._key(f"drop:{drop_id}")

    def holders(self, drop_id: str) -> str:
        """Hash: student -> claim record."""
        return self._key(f"holders:{drop_id}")

    def free(self, drop_id: str) -> str:
        """Sorted set of units that came back; units never taken are a counter in `drop`."""
        return self._key(f"free:{drop_id}")

    def caps(self, batch_id: str) -> str:
        """Hash: student -> slots of the batch taken, as a comma list."""
        return self._key(f"caps:{batch_id}")

    def binding(self, coupon_id: str, student: str) -> str:
        """The slots that were taken for a code this student binds; expires by itself."""
        return self._key(f"binding:{coupon_id}:{student}")

    def campaign_caps(self, campaign_id: str) -> str:
        """The same of a campaign: all its batches are in this shard."""
        return self._key(f"campaign_caps:{campaign_id}")

    @property
    def stops(self) -> str:
        """Hash: what may not be claimed now (`all`, batch and campaign ids), and `version`, which state
        of the ledger says so. Each shard has all of it."""
        return self._key("stops")


@dataclass(frozen=True, slots=True)
class RoomKeys:
    """Keys of one room. `database`: the number of the Redis database that they are in."""

    prefix: str
    room: str
    database: int = 0

    def _key(self, name: str) -> str:
        return f"{self.prefix}:{{{self.room}}}:{name}"

    @property
    def feed(self) -> str:
        """Hash: run_id and epoch, offset of the stream, offset of the losses."""
        return self._key("feed")

    @property
    def stream(self) -> str:
        """The last publications, ids `<offset>-0`, to heal gaps from."""
        return self._key("stream")

    @property
    def losses(self) -> str:
        """The last claims that were lost, ids `<offset of losses>-0`, to heal gaps from."""
        return self._key("losses")

    @property
    def drops(self) -> str:
        """Hash: drop id -> what the room shows of it."""
        return self._key("drops")

    @property
    def channel(self) -> str:
        return channel_in(self.database, self._key("channel"))

    @property
    def presence(self) -> str:
        """Sorted set: gateway id -> when its word expires."""
        return self._key("presence")

    @property
    def presence_counts(self) -> str:
        """Hash: gateway id -> students it holds."""
        return self._key("presence:counts")

    def published(self, publication_id: str) -> str:
        """The offset a publication got, so that repeating it is a no-op."""
        return self._key(f"published:{publication_id}")

    def seen(self, drop_id: str) -> str:
        """Set of students who had the card on their screen."""
        return self._key(f"seen:{drop_id}")

    def board(self, drop_id: str) -> str:
        """Hash: the ledger's counters of the drop, as last written by a worker."""
        return self._key(f"board:{drop_id}")


@dataclass(frozen=True, slots=True)
class MetricsKeys:
    """Keys of what each process has counted; one tag, so that all are read in one call."""

    prefix: str

    def _key(self, name: str) -> str:
        return f"{self.prefix}:{{figures}}:{name}"

    @property
    def processes(self) -> str:
        """Set: who wrote lately, and perhaps some that no longer do."""
        return self._key("processes")

    @property
    def ledger_trouble(self) -> str:
        """What workers run into when they write to the ledger; expires by itself."""
        return self._key("ledger_trouble")

    @property
    def consistency(self) -> str:
        """What a worker found when it last compared desk and ledger; expires by itself."""
        return self._key("books")

    def of(self, process: str) -> str:
        """The figures as text; expire by themselves."""
        return self._key(f"of:{process}")
