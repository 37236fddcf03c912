"""Stacks are told apart by stage."""

from __future__ import annotations

import threading
import time

import pytest

from benchmarks.stages import EVENT_LOOP, WAITING, WORKER, Profile, Sampler, stage_of

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
        ([("bot.screening.deobfuscate", "_word"), ("bot.screening.model", "prepare")], "normalise"),
        ([("bot.screening.model", "prepare")], "tokenise"),
        ([("onnxruntime.capi.session", "run"), ("bot.screening.backends", "logits")], "network"),
        ([("bot.screening.model", "read")], "calibrate"),
        ([("bot.screening.desk", "take")], "engine: desk, batches"),
    ],
)
def test_the_worker_by_stage(calls: list[tuple[str, str]], stage: str) -> None:
    assert stage_of(WORKER, [*calls, ("threading", "run")]) == stage


def test_time_is_shared_out_by_the_samples_that_were_not_waiting() -> None:
    profile = Profile({"a": 3.0}, {"a": {WAITING: 100, "x": 2, "y": 1}, "b": {WAITING: 5}}, 9.0)
    assert profile.spent_s() == {"a": {"x": 2.0, "y": 1.0}}


def test_the_sampler_sees_a_busy_thread_and_its_time() -> None:
    ending = threading.Event()

    def spin() -> None:
        while not ending.is_set():
            sum(range(1_000))

    thread = threading.Thread(target=spin, name=WORKER)
    sampler = Sampler()
    thread.start()
    sampler.start()
    time.sleep(0.3)
    profile = sampler.stop()
    ending.set()
    thread.join()
    assert sum(profile.samples[WORKER].values()) > 3
    assert 0.0 < profile.cpu_s[WORKER] < 0.5
