"""Pictures come from a process of their own, one at a time, or there is an error: never a wait."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.charts.describe import Columns, Picture, Series
from bot.charts.drawing import Charts
from bot.errors import ChartError

PICTURE = Picture(((Columns("Days", ("a", "b"), (Series("", (1.0, 2.0)),)),),))
SHORT = "import sys; sys.stdin.buffer.read(); "


async def test_a_picture_is_drawn_without_the_library_in_this_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    # A home without a place for the library's files, and a style that is not ours.
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    async with Charts() as charts:
        png = await charts.draw(PICTURE)
    assert png.startswith(b"\x89PNG")


async def test_the_process_gets_no_secrets_and_leaves_no_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tell = "import os; sys.exit(str('secret' in str(os.environ)) + ' ' + os.getcwd())"
    async with Charts(command=("-c", SHORT + tell)) as charts:
        with pytest.raises(ChartError, match=rf"False {tmp_path}/hexward-charts"):
            await charts.draw(PICTURE)
        assert [name[:14] for name in os.listdir(tmp_path)] == ["hexward-charts"]
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("sys.exit('no fonts')", "exit status 1 no fonts"),
        ("print('not a picture')", "exit status 0"),
        ("sys.stdout.buffer.write(b'\\x89PNG\\r\\n\\x1a\\n' + bytes(4_000_000))", "bytes"),
    ],
)
async def test_a_process_that_fails_is_an_error(code: str, reason: str) -> None:
    async with Charts(command=("-c", SHORT + code)) as charts:
        with pytest.raises(ChartError, match=reason):
            await charts.draw(PICTURE)


async def test_a_process_that_does_not_end_is_ended() -> None:
    before = _children()
    async with Charts(deadline_s=0.5, command=("-c", "import time; time.sleep(60)")) as charts:
        with pytest.raises(ChartError, match=r"longer than 0\.5 s"):
            await charts.draw(PICTURE)
        assert _children() <= before


async def test_one_at_a_time_and_few_wait(tmp_path: Path) -> None:
    lock, go = tmp_path / "lock", tmp_path / "go"
    code = (
        f"import os, time; fd = os.open({str(lock)!r}, os.O_CREAT | os.O_EXCL)\n"
        f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
        f"os.unlink({str(lock)!r}); sys.stdout.buffer.write(b'\\x89PNG\\r\\n\\x1a\\n')"
    )
    async with Charts(command=("-c", SHORT + "\n" + code)) as charts:
        asked = [asyncio.create_task(charts.draw(PICTURE)) for _ in range(9)]
        _, pending = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        assert len(pending) == 8
        go.touch()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [bytes] * 8 + [ChartError]
    assert "too many" in str(outcomes[-1])


async def test_a_system_without_room_for_a_process_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    async with Charts() as charts:
        with pytest.raises(ChartError, match="FileNotFoundError"):
            await charts.draw(PICTURE)


async def test_who_stops_waiting_leaves_no_process_and_no_place_taken() -> None:
    before = _children()
    async with Charts(command=("-c", "import time; time.sleep(60)")) as charts:
        for _ in range(10):  # more than may wait
            asking = asyncio.create_task(charts.draw(PICTURE))
            await asyncio.wait({asking}, timeout=0.02)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        assert _children() <= before


def _children() -> set[int]:
    """The processes that this one has started and that are not over."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "ppid=,pid=,comm="], capture_output=True, text=True, check=True
    )
    rows = (line.split(None, 2) for line in listed.stdout.splitlines())
    own = str(os.getpid())
    return {int(pid) for parent, pid, name in rows if parent == own and name.strip() != "ps"}
