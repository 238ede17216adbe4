"""The names of all keys in Redis, and which of them share a hash slot. Used by desk/ only.

A script can only use keys of one hash tag. There are five families: `{dK}` for claims, caps, outbox and
fence of desk shard K; `{room}` for the feed of a room; `{figures}` for the metrics of the processes;
`{events}` for announcements of the event log; `{erasures}` for the list of erasures. Claims and feeds have
different tags, because caps belong to a batch and publications to a room.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

SHARDS = 16


def shard_of(batch_or_campaign_id: str) -> int:
    """Return K. A batch keeps the shard of its campaign, or of its own id, for good: all batches under one
    cap must be in one hash slot.
    """
    return hashlib.blake2s(batch_or_campaign_id.encode(), digest_size=2).digest()[0] % SHARDS


def channel_in(database: int, name: str) -> str:
    """Return the channel's name with the number of the database: Redis channels span all databases.

    The name for database 0 has no number, as in earlier versions, which may run beside this one in a deploy.
    """
    return f"{name}@{database}" if database else name


@dataclass(frozen=True, slots=True)
class ShardKeys:
    """Keys of desk shard K, all with the hash tag `{dK}`."""

    prefix: str
    shard: int

    def _key(self, name: str) -> str:
        return f"{self.prefix}:{{d{self.shard}}}:{name}"

    @property
    def fence(self) -> str:
        """Hash: run_id of the server that the shard is armed for, epoch, caps (name of the load)."""
        return self._key("fence")

    @property
    def lease(self) -> str:
        """String: the worker that rebuilds the shard; expires with its lease."""
        return self._key("lease")

    @property
    def rebuild_trouble(self) -> str:
        """String: why the last rebuild failed; expires after 30 s."""
        return self._key("rebuild_trouble")

    @property
    def mark(self) -> str:
        """String: written before a WAIT for replicas, so that there is a write to wait for."""
        return self._key("mark")

    @property
    def outbox(self) -> str:
        """Stream: wins on their way to the ledger; trimmed once all are acknowledged."""
        return self._key("outbox")

    def drop(self, drop_id: str) -> str:
        """Hash: window, allotments, counters; expires a day after the close."""
        return self._key(f"drop:{drop_id}")

    def holders(self, drop_id: str) -> str:
        """Hash: student -> claim (claim_record.py); expires a day after the close."""
        return self._key(f"holders:{drop_id}")

    def free(self, drop_id: str) -> str:
        """Sorted set: units that were released. Units never taken are the counter `next` in `drop`."""
        return self._key(f"free:{drop_id}")

    def passed(self, drop_id: str) -> str:
        """Set: students who have done the drop's task; expires two days after its window."""
        return self._key(f"passed:{drop_id}")

    def progress(self, drop_id: str) -> str:
        """Hash: student -> how far they are with the drop's task (task_desk.py); expires likewise."""
        return self._key(f"progress:{drop_id}")

    def entrants(self, drop_id: str) -> str:
        """Hash: student -> entry in the drop's draw (entry_record.py); expires like `holders`."""
        return self._key(f"entrants:{drop_id}")

    def entries(self, drop_id: str) -> str:
        """List: the entries that the ledger does not have yet, in their order; empty, and gone, after the
        seal.
        """
        return self._key(f"entries:{drop_id}")

    def caps(self, batch_id: str) -> str:
        """Hash: student, p|person, d|device -> used slots of the batch as ",1,2,"; the field "" names the
        load (caps.lua).
        """
        return self._key(f"caps:{batch_id}")

    def binding(self, coupon_id: str, fields: Iterable[str]) -> str:
        """Name the string of slots taken for a code that this student binds; it expires after an hour.

        `fields` are those of the caps that the slots count for. With a token of another person, or none, the
        student takes other slots.
        """
        return self._key(f"binding:{coupon_id}:{':'.join(dict.fromkeys(fields))}")

    def taken(self, issuance_id: str, batch_id: str) -> str:
        """Name the hash of slots that an issuance has taken and not used yet: student -> slots; it expires
        after a week.
        """
        return self._key(f"taken:{issuance_id}:{batch_id}")

    def freed(self, issuance_id: str, batch_id: str) -> str:
        """Name the set of students whose slots an undone issuance has freed; it expires after a week."""
        return self._key(f"freed:{issuance_id}:{batch_id}")

    def campaign_caps(self, campaign_id: str) -> str:
        """Hash: like `caps`, for a campaign; all its batches are on this shard."""
        return self._key(f"campaign_caps:{campaign_id}")

    @property
    def stops(self) -> str:
        """Hash: the stopped targets (`all`, batch and campaign ids), and the ledger's `version` of them.
        Each shard has all of them.
        """
        return self._key("stops")


@dataclass(frozen=True, slots=True)
class RoomKeys:
    """Keys of one room, all with its name as hash tag. `database`: the number of the Redis database."""

    prefix: str
    room: str
    database: int = 0

    def _key(self, name: str) -> str:
        return f"{self.prefix}:{{{self.room}}}:{name}"

    @property
    def feed(self) -> str:
        """Hash: run_id, epoch, offset of the stream, offset of the losses."""
        return self._key("feed")

    @property
    def stream(self) -> str:
        """Stream: the last publications, ids `<offset>-0`, from which gaps are filled."""
        return self._key("stream")

    @property
    def losses(self) -> str:
        """Stream: the last losses, ids `<offset of losses>-0`, from which gaps are filled."""
        return self._key("losses")

    @property
    def drops(self) -> str:
        """Hash: drop id -> the drop as JSON (room_drops.py)."""
        return self._key("drops")

    @property
    def channel(self) -> str:
        """Sharded channel of the room's publications."""
        return channel_in(self.database, self._key("channel"))

    @property
    def presence(self) -> str:
        """Sorted set: gateway id -> when its count expires (ms)."""
        return self._key("presence")

    @property
    def presence_counts(self) -> str:
        """Hash: gateway id -> its number of students in the room."""
        return self._key("presence:counts")

    @property
    def rosters(self) -> str:
        """Sorted set: gateway id -> when its roster expires (ms)."""
        return self._key("rosters")

    def roster(self, gateway_id: str) -> str:
        """Name the hash of one gateway's students in the room (rosters.py); it expires with the gateway."""
        return self._key(f"roster:{gateway_id}")

    def published(self, publication_id: str) -> str:
        """Name the string of a publication's offset, which makes its repetition a no-op; it expires."""
        return self._key(f"published:{publication_id}")

    def seen(self, drop_id: str) -> str:
        """Set: students who had the card on their screen."""
        return self._key(f"seen:{drop_id}")

    def winners(self, drop_id: str) -> str:
        """Name the list of the last masked names that the room was told; it expires a day after the last."""
        return self._key(f"winners:{drop_id}")

    def winners_told(self, drop_id: str) -> str:
        """Name the string of how many winners the room was told of; it expires with their names."""
        return self._key(f"winners:{drop_id}:told")

    @property
    def opened(self) -> str:
        """HyperLogLog: visitors who had the page of a link on their screen; expires with disuse."""
        return self._key("opened")

    def board(self, drop_id: str) -> str:
        """Hash: the ledger's live counts of the drop, as a worker wrote them last."""
        return self._key(f"board:{drop_id}")


@dataclass(frozen=True, slots=True)
class EventKeys:
    """Keys of the event log, with the hash tag `{events}`."""

    prefix: str

    @property
    def numbered(self) -> str:
        """Stream: the last rounds of numbers (last number, types); expires a day after the last one."""
        return f"{self.prefix}:{{events}}:numbered"


def erasures_key(prefix: str) -> str:
    """Name the hash of all erasures, kept for ever: pseudonym -> its line of the ledger's list, as JSON."""
    return f"{prefix}:{{erasures}}:list"


@dataclass(frozen=True, slots=True)
class MetricsKeys:
    """Keys of metrics and health. One hash tag, so that all are read in one call."""

    prefix: str

    def _key(self, name: str) -> str:
        return f"{self.prefix}:{{figures}}:{name}"

    @property
    def processes(self) -> str:
        """Set: processes that wrote lately; some may have stopped since."""
        return self._key("processes")

    @property
    def ledger_trouble(self) -> str:
        """String: why workers cannot write to the ledger; expires after 3 s."""
        return self._key("ledger_trouble")

    @property
    def consistency(self) -> str:
        """String: the last comparison of desk and ledger as JSON; expires after a minute."""
        return self._key("books")

    def of(self, process: str) -> str:
        """Name the string of the metrics of a process; it expires after 15 s."""
        return self._key(f"of:{process}")
