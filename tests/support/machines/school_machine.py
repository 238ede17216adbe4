"""The machine that teaches a class over a real ledger and a real desk, loses Redis, and holds the school
to its promises.

`desk_machine.py` knows what each script answers; here nobody predicts. What students were told is written
down, and kept: `won` until Redis as a whole is lost, `confirmed`, with its code, for ever. And the books are
counted unit by unit after every step, at both ends (`tests/races/books.py`).
"""

import contextlib
import shutil
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select, update

from server.core.checkout.redemptions import LockForm, Payment, Redemption
from server.core.drops.claims import ClaimState, Outcome
from server.core.drops.drop_rules import DropForm
from server.core.ids import DropId, StudentId
from server.core.refusals import Refused
from server.desk import DeskUnavailableError
from server.desk.claims.claim_answers import ClaimAnswer
from server.desk.claims.outbox import OutboxEntry
from server.desk.keys import RoomKeys, ShardKeys
from server.flows.checkout import confirm_payment, redemptions, unlock
from server.flows.drops.intents.drive_intents import drive_pending
from server.ledger import tables
from server.ledger.coupons import coupon_moves, coupons
from server.ledger.drops.claims import ClaimRow
from server.ledger.engine import Ledger
from tests.races.books import Books
from tests.support.builders.classroom import ROOM, now_ms
from tests.support.builders.desks import make_desk
from tests.support.builders.money import an_order
from tests.support.faults.killed_at_hop import KilledError, drops_killed_at
from tests.support.machines.runner import Stage
from tests.support.worker_rig import WorkerRig, make_rig

STUDENTS = ("ada", "bob", "cyd", "dan", "eve")
UNITS = 12  # of the batch
ANOTHER_SERVER = "0" * 40

_ALL_CLAIMS = select(tables.claims).order_by(tables.claims.c.won_at)
an_index = st.integers(0, 20)  # of something among those there are
a_death = st.none() | st.tuples(
    st.sampled_from(["before", "after"]),
    st.sampled_from(["open", "add_units", "close", "publish"]),
)
is_armed = precondition(lambda self: not self.is_shut)
has_drops = precondition(lambda self: self.drop_ids)


@dataclass(frozen=True, slots=True)
class Copy:
    """Every key of the installation, as a backup has it."""

    keys: dict[bytes, bytes]


class SchoolMachine(RuleBasedStateMachine):
    def __init__(self, stage: Stage, empty_ledger: Path, folder: Path) -> None:
        super().__init__()
        self.stage = stage
        self.file = folder / f"{stage.new_prefix()}.db"
        shutil.copy(empty_ledger, self.file)
        self.ledger = Ledger.connect(f"sqlite:///{self.file}")
        desk = make_desk(stage.redis, stage.new_prefix())
        self.rig: WorkerRig = make_rig(self.ledger, desk)
        self.rooms = self.rig.classroom
        self.books = Books(self.ledger, stage.redis, desk.prefix)
        self.is_shut = False
        self.drop_ids: list[str] = []
        self.copies: list[Copy] = []
        self.released: set[str] = set()  # claim ids
        self.told_won: dict[tuple[str, str], str] = {}  # drop, student -> claim id
        self.told_code: dict[str, str] = {}  # claim id -> code

    def teardown(self) -> None:
        try:
            if self.drop_ids:
                self.everybody_comes_to_rest()
        finally:
            self.stage.run(self.rig.desk.claims.close())
            self.stage.run(self.ledger.close())
            self.stage.forget(self.rig.desk.prefix)
            for file in self.file.parent.glob(f"{self.file.name}*"):
                file.unlink()

    @initialize(per_student=st.sampled_from([1, 1, 2, 3]))
    def a_batch_is_made(self, per_student: int) -> None:
        self.per_student = per_student
        self.stage.run(self._make_batch())

    async def _make_batch(self) -> None:
        await self.rig.desk.arm()
        await self.rig.outbox.make_groups()
        self.batch = await self.rooms.made_batch(
            quantity=UNITS, per_student=self.per_student, hold_seconds=60
        )
        self.shard = self.batch.shard
        await self._open(3, None)

    # --- what teachers do -------------------------------------------------------------------------

    @rule(units=st.integers(1, 4), death=a_death)
    def open(self, units: int, death: tuple[str, str] | None) -> None:
        self.stage.run(self._open(units, death))

    async def _open(self, units: int, death: tuple[str, str] | None) -> None:
        form = DropForm(self.batch.id, units, 3600)
        await self._by_an_api(death, lambda api: api.create(ROOM, form, None, now_ms()))
        async with self.ledger.read() as conn:
            self.drop_ids = sorted(await conn.scalars(select(tables.drops.c.id)))

    @has_drops
    @rule(which=an_index, add=st.integers(1, 3), death=a_death)
    def top_up(self, which: int, add: int, death: tuple[str, str] | None) -> None:
        drop_id = self._drop(which)
        quantity = self.stage.run(self.rooms.row(drop_id)).quantity
        self.stage.run(
            self._by_an_api(death, lambda api: api.top_up(drop_id, ROOM, add, quantity, now_ms()))
        )

    @has_drops
    @rule(which=an_index, death=a_death)
    def close(self, which: int, death: tuple[str, str] | None) -> None:
        drop_id = self._drop(which)
        self.stage.run(self._by_an_api(death, lambda api: api.close(drop_id, ROOM, now_ms())))

    async def _by_an_api(self, death: tuple[str, str] | None, call: Any) -> None:
        """Refused, `unavailable` and dead are all right: a worker finishes it."""
        api = drops_killed_at(self.rooms, *death) if death else self.rooms.drops
        with contextlib.suppress(KilledError):
            await call(api)

    # --- what students do -------------------------------------------------------------------------

    @has_drops
    @rule(
        taps=st.lists(st.tuples(an_index, st.sampled_from(STUDENTS)), min_size=1, max_size=6),
        request_id=st.sampled_from(["q1", "q2"]),
    )
    def tap(self, taps: list[tuple[int, str]], request_id: str) -> None:
        for which, student in taps:
            drop_id = self._drop(which)
            answer = self.stage.run(self._tap(drop_id, student, request_id))
            if answer.outcome in (Outcome.WON, Outcome.ALREADY_WON):
                assert answer.held is not None
                before = self.told_won.setdefault((drop_id, student), answer.held.claim_id)
                assert answer.held.claim_id == before, "I4: another claim than before"
            elif answer.outcome is not Outcome.RETRY:
                held = self.told_won.get((drop_id, student))
                assert held is None or held in self.released, f"I4: won, and now {answer.outcome}"

    @has_drops
    @rule(which=an_index)
    def everybody_taps(self, which: int) -> None:
        self.tap([(which, student) for student in STUDENTS], "q3")

    async def _tap(self, drop_id: str, student: str, request_id: str) -> ClaimAnswer:
        return await self.rig.desk.claims.claim(
            shard=self.shard,
            drop_id=DropId(drop_id),
            batch_id=self.batch.id,
            student=StudentId(student),
            request_id=request_id,
        )

    # --- what workers do --------------------------------------------------------------------------

    @rule(dies=st.booleans())
    def record(self, dies: bool) -> None:
        """`dies`: before it has acknowledged; the entries come again."""
        self.stage.run(self._record(dies))

    async def _record(self, dies: bool) -> None:
        outbox = self.rig.outbox
        await outbox.make_groups()  # lost with Redis
        entries = await outbox.read_own_pending() or await outbox.read(1)
        if await self._is_done(self.rig.persister.persist(entries, now_ms())) and not dies:
            await outbox.acknowledge(entries)
            await outbox.trim()

    @rule(chosen=st.lists(an_index, min_size=1, max_size=3))
    def record_out_of_turn(self, chosen: list[int]) -> None:
        """Some, in any order, as two workers may."""
        self.stage.run(self._record_out_of_turn(chosen))

    async def _record_out_of_turn(self, chosen: list[int]) -> None:
        entries = await self.rig.outbox.read_all(self.shard)
        some = {index % len(entries) for index in chosen} if entries else set()
        picked: list[OutboxEntry] = [entries[index] for index in some]
        await self._is_done(self.rig.persister.persist(picked, now_ms()))

    @rule()
    def drive_what_was_left(self) -> None:
        self.stage.run(drive_pending(self.rooms.stores, 0, now_ms()))

    @staticmethod
    async def _is_done(call: Awaitable[object]) -> bool:
        try:
            await call
        except DeskUnavailableError:
            return False
        return True

    # --- what shops do ----------------------------------------------------------------------------

    @rule(which=an_index, end=st.sampled_from(["paid", "cancelled", "left"]))
    def use(self, which: int, end: str) -> None:
        self.stage.run(self._use(which, end))

    async def _use(self, which: int, end: str) -> None:
        rows = [row for row in await self._rows() if row.state == "live"]
        if not rows:
            return
        row = rows[which % len(rows)]
        code = (await self.rig.codes(row.drop_id))[row.student]
        form = LockForm(f"order-{row.id}", row.student, an_order(5000), (code,))
        locked = await redemptions.lock(self.ledger, form, now_ms())
        if isinstance(locked, Redemption):
            if end == "paid":
                paid = await confirm_payment.confirm(self.ledger, locked.id, Payment(), now_ms())
                assert not isinstance(paid, Refused)
            elif end == "cancelled":
                await unlock.cancel(self.ledger, locked.id, now_ms())

    @is_armed
    @rule(which=an_index)
    def a_hold_ends(self, which: int) -> None:
        """The ledger first; the desk frees the unit if it is still this very claim's."""
        self.stage.run(self._end_hold(which))

    async def _end_hold(self, which: int) -> None:
        open_drops = [one for one in self.drop_ids if (await self.rooms.row(one)).state == "open"]
        rows = [r for r in await self._rows() if r.state == "live" and r.drop_id in open_drops]
        if not rows:
            return
        row = rows[which % len(rows)]
        async with self.ledger.begin() as conn:
            (coupon,) = await coupons.by_claims(conn, [row.id])
            if not await coupon_moves.release(conn, [coupon.id], now_ms() + 120_000):
                return  # on an order, or spent
            of_claim = tables.claims.c.id == row.id
            await conn.execute(update(tables.claims).where(of_claim).values(state="released"))
        self.released.add(row.id)
        await self.rig.desk.drops.release(self.shard, row.drop_id, {StudentId(row.student): row.id})

    # --- what happens to Redis --------------------------------------------------------------------

    @rule()
    def a_copy_is_made(self) -> None:
        self.copies.append(self.stage.run(self._copy()))

    @precondition(lambda self: self.copies)
    @rule(which=an_index)
    def an_older_copy_is_restored(self, which: int) -> None:
        self.stage.forget(self.rig.desk.prefix)
        self.stage.run(self._restore(self.copies[which % len(self.copies)]))
        self._redis_was_lost()

    @rule(how=st.sampled_from(["emptied", "restarted"]))
    def redis_dies(self, how: str) -> None:
        if how == "emptied":
            self.stage.forget(self.rig.desk.prefix)
            self._redis_was_lost()
        else:
            self.stage.run(self._become_another_server())
        self.is_shut = True

    @rule()
    def rebuild(self) -> None:
        """Rebuild the shard, also one whose fence the persister has shut."""
        self.stage.run(self.rig.rebuilder.rebuild(self.shard, now_ms()))
        self.is_shut = False

    def _redis_was_lost(self) -> None:
        """Drop the claims that were `won` and not confirmed: they may be lost."""
        self.is_shut = True
        kept = {row.id for row in self.stage.run(self._rows())}
        self.told_won = {who: claim for who, claim in self.told_won.items() if claim in kept}

    async def _copy(self) -> Copy:
        redis: Any = self.stage.redis
        names = await redis.keys(f"{self.rig.desk.prefix}:*")
        return Copy({name: dump for name in names if (dump := await redis.dump(name))})

    async def _restore(self, copy: Copy) -> None:
        redis: Any = self.stage.redis
        for name, dump in copy.keys.items():
            await redis.restore(name, 0, dump)
        await self._become_another_server()

    async def _become_another_server(self) -> None:
        """Write another run id, which is how a script recognises another server."""
        redis: Any = self.stage.redis
        prefix = self.rig.desk.prefix
        for key in (ShardKeys(prefix, self.shard).fence, RoomKeys(prefix, ROOM).feed):
            if await redis.exists(key):
                await redis.hset(key, "run_id", ANOTHER_SERVER)

    # --- what has to hold -------------------------------------------------------------------------

    @invariant()
    def the_books_are_right(self) -> None:
        self.stage.run(self._check_books())

    async def _check_books(self) -> None:
        for drop_id in self.drop_ids:
            (await self.books.in_ledger(drop_id)).check()
        if not self.is_shut:
            for drop_id in await self._on_desk():
                (await self.books.at_desk(drop_id)).check()
        rows = await self._rows()
        for student in STUDENTS:
            slots = [r.slot for r in rows if r.student == student and r.state != "revoked"]
            assert len(set(slots)) == len(slots) <= self.per_student, "I2"
        await self._check_told({row.id: row for row in rows})

    async def _on_desk(self) -> list[str]:
        keys, redis = self.rig.desk.keys(self.shard), self.stage.redis
        return [one for one in self.drop_ids if await redis.hexists(keys.drop(one), "quantity")]

    async def _check_told(self, rows: dict[str, ClaimRow]) -> None:
        """I3: what was confirmed stays, by the same code."""
        query = select(tables.coupons.c.claim_id, tables.coupons.c.code)
        async with self.ledger.read() as conn:
            codes: dict[str, str] = {row[0]: row[1] for row in await conn.execute(query)}
        for claim_id, code in self.told_code.items():
            state = "released" if claim_id in self.released else "live"
            assert (codes[claim_id], rows[claim_id].state) == (code, state), "I3: it was confirmed"
        self.told_code = codes

    @precondition(lambda self: self.drop_ids)
    @rule()
    def everybody_comes_to_rest(self) -> None:
        """Workers have done all there is to do: desk and ledger say the same of every claim."""
        self.stage.run(self._come_to_rest())

    async def _come_to_rest(self) -> None:
        if self.shard in await self.rig.fence.shut_shards():
            await self.rig.rebuilder.rebuild(self.shard, now_ms())
        self.is_shut = False
        await drive_pending(self.rooms.stores, 0, now_ms())
        await self._record(dies=False)
        await self._record(dies=False)
        assert not await self.rig.outbox.read_own_pending()
        rows = await self._rows()
        for drop_id in self.drop_ids:
            await self._compare(drop_id, [row for row in rows if row.drop_id == drop_id])
        ids = {row.id for row in rows if row.state != "revoked"}
        assert set(self.told_won.values()) <= ids, "told `won`, and nowhere to be found"

    async def _compare(self, drop_id: str, rows: list[ClaimRow]) -> None:
        books, ledger = await self.books.at_desk(drop_id), await self.books.in_ledger(drop_id)
        books.check()
        held = {student: (one.claim_id, one.unit) for student, one in books.held.items()}
        assert held == {r.student: (r.id, r.unit) for r in rows if r.state == "live"}
        assert all(one.state is ClaimState.CONFIRMED for one in books.held.values())
        if ledger.state == "open":
            assert books.quantity == ledger.quantity
            assert len(books.free) + books.never_taken == ledger.free, "I6 between the two"

    async def _rows(self) -> list[ClaimRow]:
        async with self.ledger.read() as conn:
            return [ClaimRow(**row) for row in (await conn.execute(_ALL_CLAIMS)).mappings()]

    def _drop(self, which: int) -> str:
        return self.drop_ids[which % len(self.drop_ids)]
