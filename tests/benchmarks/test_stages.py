"""Stacks are told apart by stage."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from benchmarks.stages import EVENT_LOOP, WAITING, WORKER, Profile, Sampled, Sampler, stage_of
from benchmarks.wire import Whole

LOOP = [("asyncio.base_events", "_run_once"), ("bot.__main__", "run")]


@pytest.mark.parametrize(
    ("calls", "stage"),
    [
        ([("selectors", "select")], WAITING),
        ([("bot.screening.policy", "decide"), ("bot.cogs.screening", "_screen_text")], "decide"),
        (
            [("bot.screening.engine", "score"), ("bot.cogs.screening", "_screen_text")],
            "engine: queue, hand-over",
        ),
        ([("discord.embeds", "to_dict"), ("bot.chat.actions", "_post")], "alert"),
        ([("sqlalchemy.sql.base", "x"), ("bot.storage.decisions", "record")], "database"),
        (
            [("bot.chat.surfaces", "surfaces"), ("bot.cogs.screening", "_screen")],
            "ladder, surfaces, turns",
        ),
        (
            [
                ("discord.message", "__init__"),
                ("bot.chat.client", "parse"),
                ("discord.gateway", "x"),
            ],
            "discord.py: receive, parse, dispatch",
        ),
        ([("asyncio.events", "_run")], "event loop"),
    ],
)
def test_the_event_loop_by_stage(calls: list[tuple[str, str]], stage: str) -> None:
    assert stage_of(EVENT_LOOP, [*calls, *LOOP]) == stage


@pytest.mark.parametrize(
    ("calls", "stage"),
    [
        ([("threading", "wait"), ("bot.screening.waiting", "wait")], WAITING),
        ([("bot.screening.normalize", "views"), ("bot.screening.model", "prepare")], "normalise"),
        ([("bot.screening.model", "prepare")], "tokenise"),
        ([("onnxruntime.capi.session", "run"), ("bot.screening.backends", "logits")], "network"),
        ([("bot.screening.model", "read")], "calibrate"),
        ([("bot.screening.desk", "take")], "engine: desk, batches"),
    ],
)
def test_the_worker_by_stage(calls: list[tuple[str, str]], stage: str) -> None:
    assert stage_of(WORKER, [*calls, ("threading", "run")]) == stage


def test_every_module_that_the_normaliser_reaches_is_the_normaliser() -> None:
    # in a process of its own: this one has imported far more
    code = "import sys, bot.screening.normalize; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    reached = [name for name in told.stdout.split() if name.startswith("bot.screening.")]
    assert len(reached) > 10
    through = [("bot.screening.normalize", "views"), ("bot.screening.model", "prepare")]
    for module in reached:
        calls = [("re", "sub"), (module, "any"), *through, ("bot.screening.desk", "prepare")]
        assert stage_of(WORKER, calls) == "normalise", module


def test_time_is_shared_out_by_the_samples_that_were_not_waiting() -> None:
    assert Sampled("a", 3.0, {WAITING: 100, "y": 1, "x": 2}).spent_s() == {"x": 2.0, "y": 1.0}
    assert Sampled("b", 3.0, {WAITING: 5}).spent_s() == {}


def whole(*threads: Sampled) -> Whole:
    return Whole(100.0, [0.1], 0.0, 0.001, 1_000, Profile(threads, 10.0), 2)


def test_the_busiest_thread_is_one_thread() -> None:
    lanes = [Sampled(WORKER, spent_s, {"network": 3, "tokenise": 1}) for spent_s in (4.0, 5.0)]
    loop = Sampled(EVENT_LOOP, 6.0, {"alert": 1, "decide": 2, WAITING: 1})
    assert whole(*lanes, loop).bottleneck() == (
        "the event loop, 60% of the time on a processor, most of it for “decide” (67%); "
        "the scoring lanes (2): 40%, 50%"
    )
    assert whole(*lanes).bottleneck().startswith("a scoring lane, 50% of the time on a processor")


def test_all_lanes_together_cost_a_message_what_they_cost() -> None:
    first, second = Sampled(WORKER, 4.0, {"a": 1, "b": 3}), Sampled(WORKER, 1.0, {"a": 1})
    assert whole(first, second).stages() == [
        ("scoring lanes", "b", 3_000.0),
        ("scoring lanes", "a", 2_000.0),
    ]
    assert whole(first, second).in_use() == (0.25, 0.05)


@pytest.mark.parametrize("blocked", [False, True])
def test_the_sampler_tells_a_busy_thread_from_an_idle_one_of_its_name(blocked: bool) -> None:
    ending, held = threading.Event(), threading.Lock()

    def blocks() -> None:  # what no stack shows
        with held:
            pass

    def spin() -> None:
        while not ending.is_set():
            sum(range(1_000))

    idles = blocks if blocked else ending.wait
    busy, idle = (threading.Thread(target=each, name=WORKER) for each in (spin, idles))
    sampler = Sampler()
    with held:
        busy.start()
        idle.start()
        sampler.start()
        time.sleep(0.3)
        profile = sampler.stop()
        ending.set()
    busy.join()
    idle.join()
    waited, spun = sorted(
        (thread for thread in profile.threads if thread.name == WORKER), key=lambda one: one.cpu_s
    )
    # it may have been on its way there when the first ones were taken
    assert waited.samples[WAITING] > sum(waited.samples.values()) / 2
    assert sum(spun.spent_s().values()) == pytest.approx(spun.cpu_s)
    assert waited.cpu_s < spun.cpu_s <= profile.seconds
