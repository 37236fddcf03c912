from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from bot.errors import SettingsError
from bot.metrics import RECENT_S, Metrics, Took, _rank, served
from bot.screening.engine import Priority
from bot.screening.observing import Figures
from bot.storage.unscreened import Reason
from tests.conftest import Scene


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def fetched(port: int) -> dict[str, float]:
    """Every sample by its name, with its labels' values behind it."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
        text = reply.read().decode()
    return {
        ":".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_everything_told_is_served(port: int) -> None:
    metrics = Metrics()
    with served(metrics, port):
        metrics.queue_wait(0.02, Priority.BULK)
        metrics.prepared(3, 0.001)
        metrics.batch(windows=3, tokens=30, padded_tokens=40, inference_s=0.01)
        for how in ("scored", "scored", "cache", "joined"):
            metrics.answered(how)  # type: ignore[arg-type]
        metrics.refused()
        metrics.failed()
        metrics.worker_restarted()
        metrics.screened(flagged=True, priority=Priority.LIVE, scoring_s=0.03)
        metrics.screened(flagged=False, priority=Priority.BULK, scoring_s=7.0)
        metrics.unscreened(Reason.OVERLOADED)
        metrics.unscreened(Reason.AWAY)
        assert metrics.unscreened_so_far == 1
        metrics.watch(lambda: Figures(0, 0, 0, 0, 0, 0, 0, 12, 345, 2, 67))
        found = fetched(port)
    expected = {
        "hexward_queue_wait_seconds_sum:bulk": 0.02,
        "hexward_texts_prepared_total": 3,
        "hexward_prepare_seconds_sum": 0.001,
        "hexward_batch_windows_sum": 3,
        "hexward_batch_tokens_sum": 30,
        "hexward_batch_padding_share_sum": 0.25,
        "hexward_inference_seconds_sum": 0.01,
        "hexward_answers_total:scored": 2,
        "hexward_answers_total:cache": 1,
        "hexward_answers_total:joined": 1,
        "hexward_refusals_total": 1,
        "hexward_failures_total": 1,
        "hexward_worker_restarts_total": 1,
        "hexward_screened_total": 2,
        "hexward_flagged_total": 1,
        "hexward_scoring_seconds_sum:live": 0.03,
        "hexward_unscreened_total:overloaded": 1,
        "hexward_unscreened_total:away": 1,
        "hexward_waiting_texts": 12,
        "hexward_waiting_chars": 345,
        "hexward_waiting_servers": 2,
        "hexward_cache_entries": 67,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert found["process_cpu_seconds_total"] > 0


def test_the_port_is_closed_afterwards_and_nothing_stays(port: int) -> None:
    before = set(threading.enumerate())  # not their number: one of another test's may end meanwhile
    with served(Metrics(), port):
        fetched(port)
    with pytest.raises(URLError):
        fetched(port)
    assert set(threading.enumerate()) <= before
    with served(Metrics(), port):  # and can be had again at once
        fetched(port)


def test_it_is_reached_from_this_machine_alone(port: int) -> None:
    with served(Metrics(), port), socket.socket() as other:
        other.bind(("127.0.0.2", port))  # would be taken if it listened everywhere


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:9464", 200),
        ("127.0.0.1:80", 200),
        ("[::1]:9464", 200),
        (None, 200),
        ("example.org", 421),
        ("example.org:9464", 421),
        ("localhost.example.org", 421),
        ("127.0.0.1@example.org", 421),
        ("[", 421),
        ("", 421),
    ],
)
def test_a_page_that_makes_its_name_point_here_is_refused(
    port: int, host: str | None, status: int
) -> None:
    with served(Metrics(), port), closing(HTTPConnection("127.0.0.1", port, timeout=5)) as asking:
        asking.putrequest("GET", "/metrics", skip_host=True)
        if host is not None:
            asking.putheader("Host", host)
        asking.endheaders()
        reply = asking.getresponse()
        body = reply.read()
    assert reply.status == status
    assert (b"process_cpu_seconds" in body) == (status == 200)
    assert (b"ask for localhost" in body) == (status == 421)


def test_a_port_that_is_taken_is_one_clear_error(port: int) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        with (
            pytest.raises(SettingsError, match=f"METRICS_PORT: port {port} cannot be used"),
            served(Metrics(), port),
        ):
            pytest.fail("it was served")


async def test_a_running_bot_serves_its_metrics(scene: Scene, port: int) -> None:
    settings = scene.settings.model_copy(update={"metrics_port": port})
    async with replace(scene, settings=settings).bot():
        for text in ("hello", "hello", "you idiot"):
            await scene.ada.post(scene.general, text)
        await scene.wire.wait_for_message(scene.log)
        await scene.wire.quiet()
        found = await asyncio.to_thread(fetched, port)
    assert found["hexward_screened_total"] == 3
    assert found["hexward_flagged_total"] == 1
    assert found["hexward_answers_total:scored"] + found["hexward_answers_total:joined"] >= 2
    assert found["hexward_queue_wait_seconds_count:live"] >= 2
    assert found["hexward_batch_windows_sum"] >= 2
    assert found["hexward_waiting_texts"] == 0


async def test_the_bot_does_not_start_on_a_port_that_is_taken(scene: Scene, port: int) -> None:
    settings = scene.settings.model_copy(update={"metrics_port": port})
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        with pytest.raises(SettingsError, match="METRICS_PORT"):
            async with replace(scene, settings=settings).bot():
                pytest.fail("it started")


def test_the_common_registry_is_left_alone() -> None:
    before = list(REGISTRY.collect())
    Metrics()
    Metrics()
    assert len(list(REGISTRY.collect())) == len(before)


def test_batches_are_averaged_by_what_they_cost() -> None:
    metrics = Metrics()
    assert metrics.average_batch() is None
    metrics.batch(windows=1, tokens=10, padded_tokens=10, inference_s=0.001)
    metrics.batch(windows=4, tokens=60, padded_tokens=90, inference_s=0.002)
    average = metrics.average_batch()
    assert average is not None
    assert average.windows == 2.5
    assert average.padding_share == pytest.approx(0.3)
    assert average.inference_s == pytest.approx(0.0015)


class TestRecent:
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    def test_nothing_yet(self, clock: Clock) -> None:
        recent = Metrics(clock).recent()
        assert (recent.per_s, recent.live, recent.caught_up) == (0.0, None, None)

    def test_a_short_life_is_not_spread_over_five_minutes(self, clock: Clock) -> None:
        metrics = Metrics(clock)
        for _ in range(40):
            metrics.answered("scored")
        clock.now += 20
        assert metrics.recent().per_s == 2.0

    def test_what_is_older_is_forgotten(self, clock: Clock) -> None:
        metrics = Metrics(clock)
        metrics.answered("scored")
        metrics.screened(flagged=False, priority=Priority.LIVE, scoring_s=1.0)
        clock.now += RECENT_S + 1
        metrics.answered("scored")
        metrics.screened(flagged=False, priority=Priority.LIVE, scoring_s=3.0)
        recent = metrics.recent()
        assert recent.window_s == RECENT_S
        assert recent.per_s == pytest.approx(1 / RECENT_S)
        assert recent.live == Took(3.0, 3.0)

    def test_bulk_work_does_not_count_as_waiting_of_live_messages(self, clock: Clock) -> None:
        metrics = Metrics(clock)
        metrics.screened(flagged=False, priority=Priority.BULK, scoring_s=60.0)
        recent = metrics.recent()
        assert (recent.live, recent.caught_up) == (None, Took(60.0, 60.0))

    def test_memory_is_bounded(self, clock: Clock) -> None:
        metrics = Metrics(clock)
        for number in range(20_000):
            clock.now += 0.5
            metrics.answered("scored")
            metrics.screened(flagged=False, priority=Priority.LIVE, scoring_s=number)
        assert len(metrics._slots) <= 31
        assert len(metrics._samples[Priority.LIVE]) <= 4096
        assert metrics.recent().per_s == pytest.approx(2.0, rel=0.05)


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0.001, 1.0))
def test_a_rank_covers_its_share_and_no_smaller_value_does(
    values: list[float], share: float
) -> None:
    values.sort()
    found = _rank(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    smaller = [value for value in values if value < found]
    assert not smaller or sum(value <= smaller[-1] for value in values) < share * len(values)
