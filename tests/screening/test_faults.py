"""A text that the model fails on, and a worker that dies, cost nobody else an answer."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence

import pytest

from bot.errors import EngineClosed, ScoringError
from bot.screening import engine as engine_module
from bot.screening.model import Model, Prepared
from tests.screening.numbers_model import GatedBackend, deadly, numbers_model, told
from tests.screening.running_engine import entered, running, soon, submit


@pytest.mark.parametrize("bad", ["poison", "nan", "exit"])
async def test_a_text_that_the_model_fails_on_is_isolated(
    bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    backend = GatedBackend()
    caplog.set_level(logging.DEBUG)
    async with running(numbers_model(backend), backend) as engine:
        first = await submit(engine, "1")
        await entered(backend)
        good = await submit(engine, "2", "3")
        (failing,) = await submit(engine, f"{bad} secret")
        good += await submit(engine, "4")
        backend.open()
        found = await soon(asyncio.gather(*first, *good))
        with pytest.raises(ScoringError) as caught:
            await soon(failing)
    assert [told(each) for each in found] == ["1", "2", "3", "4"]
    shown = caplog.text + str(caught.value) + repr(caught.value.__cause__)
    assert "secret" not in shown
    assert "quotes" not in shown
    assert len(backend.threads) == 1


async def test_a_text_that_cannot_be_tokenised_is_isolated() -> None:
    class Picky(Model):
        def prepare(self, texts: Sequence[str]) -> list[Prepared]:
            if "13" in texts:
                raise ValueError("13")
            return super().prepare(texts)

    backend = GatedBackend(is_open=True)
    model = numbers_model(backend)
    model.__class__ = Picky
    async with running(model, backend) as engine:
        found = await asyncio.gather(
            *(engine.score(text) for text in ("12", "13", "14")), return_exceptions=True
        )
        assert isinstance(found[1], ScoringError)
    assert "13" not in str(found[1])


class Killer(Model):
    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        return [
            deadly(each, int(text) - 666) if text in ("666", "667", "668") else each
            for text, each in zip(texts, super().prepare(texts), strict=True)
        ]


# while it is prepared, while a batch is cut, and when it has been cut
@pytest.mark.parametrize("text", ["666", "667", "668"])
async def test_a_lane_that_dies_is_replaced(text: str) -> None:
    backend = GatedBackend(is_open=True)
    model = numbers_model(backend)
    model.__class__ = Killer
    async with running(model, backend) as engine:
        assert told(await soon(engine.score("1"))) == "1"
        with pytest.raises(ScoringError, match="worker died"):
            await soon(engine.score(text))
        assert told(await soon(engine.score("2"))) == "2"
        tasks = await submit(engine, "3", text, "4")
        found = await soon(asyncio.gather(*tasks, return_exceptions=True))
        assert [told(found[0]), told(found[2])] == ["3", "4"]  # in hand with it, and tried again
        assert "worker died" in str(found[1])
        assert engine.figures().worker_restarts == 4  # twice for each time it was asked for
        assert engine.waiting == 0


async def test_a_long_text_in_hand_does_not_fail_because_another_kills_the_lane() -> None:
    backend = GatedBackend()
    model = numbers_model(backend, max_tokens=12)
    model.__class__ = Killer
    async with running(model, backend, batch_tokens=24) as engine:
        tasks = await submit(engine, " ".join(map(str, range(100, 190))))
        await entered(backend)
        tasks += await submit(engine, "666")
        backend.open()
        found = await soon(asyncio.gather(*tasks, return_exceptions=True))
    assert told(found[0]) == "181"
    assert "worker died" in str(found[1])


async def test_a_lane_that_cannot_be_replaced_at_once_is_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_thread(self: threading.Thread) -> None:
        monkeypatch.undo()
        raise RuntimeError("can't start new thread")

    backend = GatedBackend(is_open=True)
    model = numbers_model(backend)
    model.__class__ = Killer
    async with running(model, backend) as engine:
        monkeypatch.setattr(engine_module, "_RESTART_S", 0.01)
        monkeypatch.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(ScoringError, match="worker died"):
            await soon(engine.score("666"))
        assert told(await soon(engine.score("2"))) == "2"
    assert "cannot be started" in caplog.text


async def test_a_closed_engine_tries_no_more_for_another_lane(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_thread(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    backend = GatedBackend(is_open=True)
    model = numbers_model(backend)
    model.__class__ = Killer
    async with running(model, backend) as engine:
        monkeypatch.setattr(engine_module, "_RESTART_S", 0.01)
        monkeypatch.setattr(threading.Thread, "start", no_thread)
        (task,) = await submit(engine, "666")
        await engine.close(deadline_s=0.1)
        monkeypatch.undo()
        with pytest.raises(EngineClosed):
            await soon(task)
    assert "cannot be started" in caplog.text
    assert "left behind" not in caplog.text
