"""The sandbox in the terminal, with every kind of input."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TextIO

import pytest
from toy_bot import ToyBot

from sandbox import demo
from sandbox.stage import Posted, Stage
from sandbox.terminal import run_terminal
from tests.patience import PATIENCE_S, until

SCRIPTED = len(demo.SCRIPT)


class Recorder:
    """Stands for the composition root, which prints decisions."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.said: list[str] = []

    async def report(self, posted: Posted) -> None:
        self.posted.append(posted)

    @property
    def typed(self) -> list[str]:
        return [posted.text for posted in self.posted[SCRIPTED:]]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with ToyBot(tmp_path / "log.sqlite3") as bot, Stage.open(bot) as stage:
        bot.log_channel_id = stage.moderation_channel_id
        yield stage


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def nothing() -> Iterator[TextIO]:
    with Path(os.devnull).open() as nothing:
        yield nothing


async def test_nothing_to_read_plays_the_script_and_returns(
    stage: Stage, recorder: Recorder, nothing: TextIO
) -> None:
    await run_terminal(stage, recorder.report, say=recorder.said.append, stdin=nothing)
    assert len(recorder.posted) == SCRIPTED
    assert recorder.typed == []


async def test_file_is_posted_line_by_line(
    stage: Stage, recorder: Recorder, tmp_path: Path
) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("Guten Tag, schöne Grüße\n\n   \nlast line without an end", "utf-8")
    with path.open(encoding="utf-8") as lines:
        await run_terminal(stage, recorder.report, say=recorder.said.append, stdin=lines)
    assert recorder.typed == ["Guten Tag, schöne Grüße", "last line without an end"]


async def test_refused_line_is_explained_and_the_next_one_posted(
    stage: Stage, recorder: Recorder, tmp_path: Path
) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("x" * 2001 + "\nhello\n")
    with path.open() as lines:
        await run_terminal(stage, recorder.report, say=recorder.said.append, stdin=lines)
    assert recorder.typed == ["hello"]
    assert "2000" in recorder.said[0]


async def test_pipe_is_read_as_it_is_written(stage: Stage, recorder: Recorder) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe:
        running = asyncio.create_task(run_terminal(stage, recorder.report, stdin=pipe))
        os.write(writing, "hello\nsplit ü".encode()[:-1])
        await until(lambda: recorder.typed == ["hello"])
        os.write(writing, "ü\n".encode()[1:])
        await until(lambda: recorder.typed == ["hello", "split ü"])
        os.close(writing)
        await asyncio.wait_for(running, PATIENCE_S)


async def test_person_is_told_what_to_do(stage: Stage, recorder: Recorder) -> None:
    keyboard, terminal = pty.openpty()
    with os.fdopen(terminal) as tty:
        running = asyncio.create_task(
            run_terminal(stage, recorder.report, say=recorder.said.append, stdin=tty, pace_s=0)
        )
        await until(lambda: bool(recorder.said))
        assert "Ctrl-C" in recorder.said[0]
        os.write(keyboard, b"hello\n")
        await until(lambda: recorder.typed == ["hello"])
        os.write(keyboard, b"\x04")
        await asyncio.wait_for(running, PATIENCE_S)
    os.close(keyboard)


async def test_waiting_terminal_can_be_cancelled(stage: Stage, recorder: Recorder) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe:
        running = asyncio.create_task(run_terminal(stage, recorder.report, stdin=pipe))
        await until(lambda: len(recorder.posted) == SCRIPTED)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        os.close(writing)


PROGRAM = """
import asyncio, sys
from pathlib import Path
from toy_bot import ToyBot
from sandbox.stage import Stage
from sandbox.terminal import run_terminal

async def report(posted):
    print(posted.text, flush=True)

async def main():
    async with ToyBot(Path(sys.argv[1])) as bot, Stage.open(bot) as stage:
        bot.log_channel_id = stage.moderation_channel_id
        await run_terminal(stage, report)
        print("the end", flush=True)

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def start(tmp_path: Path, redirection: str) -> subprocess.Popen[str]:
    here = Path(__file__)
    return subprocess.Popen(
        f'exec "{sys.executable}" -c "$PROGRAM" "{tmp_path / "log.sqlite3"}" {redirection}',
        shell=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "PROGRAM": PROGRAM,
            "PYTHONPATH": f"{here.parent}{os.pathsep}{here.parents[2]}",
        },
    )


@pytest.mark.parametrize("redirection", ["<&-", "</dev/null"])
def test_process_without_input_ends_by_itself(tmp_path: Path, redirection: str) -> None:
    with start(tmp_path, redirection) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    *scripted, ended, last = out.splitlines()
    assert (len(scripted), last) == (SCRIPTED, "the end")
    assert "input has ended" in ended


def test_ctrl_c_ends_a_waiting_process_cleanly(tmp_path: Path) -> None:
    with start(tmp_path, "") as process:
        assert process.stdout is not None
        for _ in range(SCRIPTED):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        # Only then is its input closed: it might see that end before the signal.
        assert process.stdout.readline() == "interrupted\n"
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0
    assert not out
    assert "Traceback" not in err
