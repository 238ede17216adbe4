"""The figures of every process, through Redis, in the answer of any web process."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from server.commands.process import metrics_aggregation as module
from server.commands.process.metrics_aggregation import MetricsAggregator
from server.desk.keys import MetricsKeys
from server.desk.metrics_store import FRESH_SECONDS, MetricsStore
from server.observability import exposition
from server.observability.metrics import Metrics
from tests.support.builders.desks import Desk
from tests.support.eventually import eventually

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def board(desk: Desk) -> AsyncIterator[MetricsStore]:
    yield MetricsStore(desk.redis, desk.prefix)


def aggregator_on(
    board: MetricsStore, process: str, confirmed: int = 0, host: str = "a"
) -> MetricsAggregator:
    metrics = Metrics()
    metrics.confirmed.inc(confirmed)
    return MetricsAggregator(metrics.registry, board, process, host)


async def confirmed(aggregator: MetricsAggregator) -> dict[tuple[str, str], float]:
    text = (await aggregator.merged_text()).decode()
    return {
        (sample.labels["process"], sample.labels["host"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "classdrop_confirmed_total"
    }


class TestBoard:
    async def test_others_are_read_in_the_order_of_their_names(self, board: MetricsStore) -> None:
        for name in ("worker-1", "web-1", "web-0"):
            await board.put(name, name.encode())

        assert await board.read_others("web-0") == [b"web-1", b"worker-1"]

    async def test_who_is_alone_reads_nothing(self, board: MetricsStore) -> None:
        await board.put("web-0", b"own")

        assert await board.read_others("web-0") == []

    async def test_the_last_word_of_a_process_counts(self, board: MetricsStore) -> None:
        await board.put("web-1", b"first")
        await board.put("web-1", b"second")

        assert await board.read_others("web-0") == [b"second"]

    async def test_what_is_not_said_again_is_forgotten(
        self, board: MetricsStore, desk: Desk
    ) -> None:
        """Redis expires it, because the process that could delete it may be the one that died."""
        keys = MetricsKeys(desk.prefix)
        await board.put("worker-1", b"x")
        for key in (keys.of("worker-1"), keys.processes):
            assert 0 < await desk.redis.ttl(key) <= FRESH_SECONDS

    async def test_who_has_gone_silent_is_no_longer_asked_for(
        self, board: MetricsStore, desk: Desk
    ) -> None:
        keys = MetricsKeys(desk.prefix)
        await board.put("worker-1", b"x")
        await board.put("worker-2", b"y")
        await desk.redis.delete(keys.of("worker-1"))

        assert await board.read_others("web-0") == [b"y"]
        assert await desk.redis.sismember(keys.processes, "worker-1") == 0

    async def test_another_installation_on_the_same_server_is_not_ours(
        self, board: MetricsStore, desk: Desk
    ) -> None:
        await MetricsStore(desk.redis, f"{desk.prefix}x").put("worker-1", b"x")

        assert await board.read_others("web-0") == []


class TestAggregation:
    async def test_a_web_process_tells_what_a_worker_counted(self, board: MetricsStore) -> None:
        await aggregator_on(board, "worker-1", confirmed=7).publish()
        web = aggregator_on(board, "web-0")

        assert await confirmed(web) == {("web-0", "a"): 0, ("worker-1", "a"): 7}

    async def test_its_own_are_as_they_are_when_it_is_asked(self, board: MetricsStore) -> None:
        metrics = Metrics()
        web = MetricsAggregator(metrics.registry, board, "web-0", "a")
        await web.publish()
        metrics.confirmed.inc(3)

        assert await confirmed(web) == {("web-0", "a"): 3}

    async def test_the_same_number_on_another_machine_is_another_process(
        self, board: MetricsStore
    ) -> None:
        await aggregator_on(board, "web-0", confirmed=7, host="b").publish()
        web = aggregator_on(board, "web-0", confirmed=1)

        assert await confirmed(web) == {("web-0", "a"): 1, ("web-0", "b"): 7}

    async def test_many_who_ask_get_the_same_answer_made_once(
        self, board: MetricsStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = 0

        def counted(*args: Any) -> bytes:
            nonlocal made
            made += 1
            return dump(*args)

        dump = exposition.dump
        monkeypatch.setattr(exposition, "dump", counted)
        metrics = Metrics()
        web = MetricsAggregator(metrics.registry, board, "web-0", "a")
        answers = await asyncio.gather(*(web.merged_text() for _ in range(20)))
        metrics.confirmed.inc()
        answers.append(await web.merged_text())

        assert (made, len(set(answers))) == (1, 1)

        monkeypatch.setattr(module, "_CACHE_SECONDS", 0.0)
        assert await web.merged_text() != answers[0]

    async def test_others_are_read_anew_after_a_moment(
        self, board: MetricsStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        web, worker = aggregator_on(board, "web-0"), aggregator_on(board, "worker-1", confirmed=1)
        await confirmed(web)
        await worker.publish()
        assert ("worker-1", "a") not in await confirmed(web)

        monkeypatch.setattr(module, "_CACHE_SECONDS", 0.0)

        assert (await confirmed(web))[("worker-1", "a")] == 1

    async def test_without_redis_its_own_are_left(self) -> None:
        nowhere = MetricsStore(Redis(unix_socket_path="/nonexistent/redis.sock"), "p")

        assert await confirmed(aggregator_on(nowhere, "web-0", confirmed=2)) == {("web-0", "a"): 2}

    async def test_they_are_told_as_long_as_the_process_lives(
        self, board: MetricsStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "PUBLISH_SECONDS", 0.0)
        metrics = Metrics()
        worker = MetricsAggregator(metrics.registry, board, "worker-1", "a")
        async with worker.publishing():
            await eventually(lambda: board.read_others("web-0"))
            metrics.confirmed.inc(9)

            async def is_told() -> bool:
                (text,) = await board.read_others("web-0")
                return b'confirmed_total{host="a",process="worker-1"} 9.0' in text

            await eventually(is_told)

    async def test_telling_outlives_a_redis_that_is_away(
        self, board: MetricsStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "PUBLISH_SECONDS", 0.0)
        worker = aggregator_on(
            MetricsStore(Redis(unix_socket_path="/nonexistent/r"), "p"), "worker-1"
        )
        async with worker.publishing():
            worker.metrics_store = board
            await eventually(lambda: board.read_others("web-0"))
