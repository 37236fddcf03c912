"""The wire started from the command line, and without what it stands on."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from discord import Interaction
from wire_client import Bot, Demo

from sandbox.wire import CannotDo, Wire
from sandbox.wire.__main__ import demo as make_demo
from sandbox.wire.__main__ import say

ROOT = Path(__file__).parents[2]


async def test_settings_lines_and_a_clean_end() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "sandbox.wire", "--token", "a.b.c"),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    lines = [(await process.stdout.readline()).decode().strip() for _ in range(3)]
    assert lines[0] == "DISCORD_TOKEN=a.b.c"
    assert lines[1].startswith("DISCORD_API_URL=http://127.0.0.1:")
    assert lines[2].startswith("DISCORD_GATEWAY_URL=ws://127.0.0.1:")
    process.stdin.write(b"nobody: hello\nada: hello\nmo: /check text=a\n")
    assert b"write it like this" in await process.stdout.readline()
    assert b"no command 'check'" in await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = await process.communicate()
    assert process.returncode == 0
    assert b"Traceback" not in errors


async def test_lines_post_and_run(wire: Wire, demo: Demo, bot: Bot) -> None:
    @bot.tree.command()
    async def note(interaction: Interaction, text: str, times: int, loud: bool = False) -> None:
        await interaction.response.send_message(f"{text * times}{loud}", ephemeral=True)

    await bot.tree.sync()
    assert await say(demo.server, "ada: hello there\n") is None
    assert await say(demo.server, "ada #random: elsewhere") is None
    await bot.hears("message", 2)
    assert [m.content for m in bot.of("message")] == ["hello there", "elsewhere"]
    shown = await say(demo.server, 'mo: /note text="a b" times=2 loud=true')
    assert shown == "[reply (only the member sees this)] a ba bTrue"
    with pytest.raises(CannotDo, match="does not fit"):
        await say(demo.server, "mo: /note text=a times=many")


async def test_demo_server(wire: Wire) -> None:
    server = make_demo(wire)
    assert [channel.name for channel in server.channels] == ["general", "random", "mod-log"]
    assert server.find_member("mo") is not None
    assert server.find_member("nobody") is None


def test_missing_extra_is_named() -> None:
    code = "import sys; sys.modules['simcord'] = None\nimport sandbox.wire"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "pip install 'hexward[sandbox]'" in ended.stderr


def test_a_port_that_cannot_be_had_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for port in (99_999, taken.getsockname()[1]):
            done = subprocess.run(
                [sys.executable, "-m", "sandbox.wire", "--port", str(port)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 2
            assert f"--port {port} cannot be used" in done.stderr
            assert "Traceback" not in done.stderr
