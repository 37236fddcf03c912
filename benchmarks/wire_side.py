"""The real bot, in a process of its own, telling what it has screened as soon as it has.

It is put together from the bot's own parts as `bot.app.serve` does it; what is added is a listener
on what the bot dispatches after a decision was recorded or counted.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection

from benchmarks.figures import BenchmarkError
from benchmarks.stages import Profile, Sampler
from bot.app import open_parts
from bot.chat.client import Hexward, point_at
from bot.chat.supervision import supervise
from bot.cogs.screening import Screened
from bot.settings import Settings

SCREENED = struct.Struct("<Qd?")  # the message's id, time.monotonic(), whether it was flagged
SAMPLE, REST, STOP = b"sample", b"rest", b"stop"


class BotSide:
    """The bot on a wire; see `benchmarks.workers`.

    Parameters
    ----------
    control
        Takes `SAMPLE`, `REST` and `STOP`; gives `SCREENED` for each text.
    """

    def __init__(self, control: Connection) -> None:
        self._control = control

    def run(self, addresses: dict[str, str], log_channels: Sequence[tuple[int, int]]) -> Profile:
        """Run the bot until it is told to stop; what was sampled meanwhile.

        Parameters
        ----------
        addresses
            Settings for `bot.settings.Settings`.
        log_channels
            Ids of servers and of their log channels.
        """
        return asyncio.run(self._run(addresses, log_channels))

    async def _run(
        self, addresses: dict[str, str], log_channels: Sequence[tuple[int, int]]
    ) -> Profile:
        # pydantic-settings' own argument, and texts that it reads as the fields' types
        settings = Settings(_env_file=None, **addresses)  # type: ignore[call-arg, arg-type]
        point_at(settings.discord_api_url, settings.discord_gateway_url)
        stop = asyncio.Event()
        sampler = Sampler()
        profiles: list[Profile] = []

        def on_command() -> None:
            try:
                command = self._control.recv_bytes()
            except EOFError:
                command = STOP
            if command == SAMPLE:
                sampler.start()
            elif command == REST:
                profiles.append(sampler.stop())
            else:
                loop.remove_reader(self._control.fileno())
                stop.set()

        async def tell(screened: Screened) -> None:
            self._control.send_bytes(
                SCREENED.pack(screened.message.id, time.monotonic(), screened.decision.flagged)
            )

        loop = asyncio.get_running_loop()
        async with open_parts(settings) as parts:
            for server_id, channel_id in log_channels:
                await parts.servers.set_log_channel(server_id, channel_id)

            def make_client() -> Hexward:
                client = parts.make_client()
                client.add_listener(tell, "on_screened")
                return client

            loop.add_reader(self._control.fileno(), on_command)
            assert settings.token is not None
            await supervise(make_client, settings.token, stop)
        if not profiles:
            raise BenchmarkError("The bot was stopped before anything was sampled.")
        return profiles[0]
