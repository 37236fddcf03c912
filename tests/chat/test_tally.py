"""What the tally keeps; what moderators read is tried over the wire."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import cast

import discord
import pytest

from bot.chat import tally as module
from bot.chat.spells import Spell
from bot.chat.tally import Settled, Tally
from bot.errors import Overloaded
from bot.storage.servers import Servers
from bot.storage.unscreened_lines import UnscreenedLine, UnscreenedLines
from tests.patience import until


@pytest.fixture
def tally() -> Tally:
    # A client that knows no server, so none is ever asked for its settings.
    client = discord.Client(intents=discord.Intents.none())
    return Tally(client, cast(Servers, None), cast(UnscreenedLines, None), catching_up=True)


async def test_a_message_after_the_stop_does_no_harm_however_much_is_untold(tally: Tally) -> None:
    for number in range(module._MOST_SPELLS):
        tally.add_away(1, [(10, number, datetime.now(UTC))], {})
    await asyncio.sleep(0)  # each spell's task runs
    await tally.stop()
    for number in range(3):
        tally.add(1, 10, 100 + number, Overloaded(1))


class Kept:
    """Lines of an earlier run, the oldest first."""

    def __init__(self, count: int) -> None:
        now = datetime.now(UTC)
        self.lines = {
            number: UnscreenedLine(
                line_id=number,
                server_id=1,
                channel_id=10,
                first_at=now,
                last_at=now,
                away=False,
                messages=1,
                place_id=10,
                places=1,
                left_out_id=None,
                left_out_places=0,
                left_out_since=None,
                screened=0,
                gone=0,
                lost=0,
            )
            for number in range(count)
        }

    async def of(self, _server_id: int) -> list[UnscreenedLine]:
        return list(self.lines.values())

    async def put(self, line: UnscreenedLine) -> None:
        self.lines[line.line_id] = line

    async def drop(self, line_id: int) -> None:
        self.lines.pop(line_id, None)


async def test_however_many_lines_are_left_only_the_latest_are_gone_on_with() -> None:
    client, kept = discord.Client(intents=discord.Intents.none()), Kept(module._MOST_SPELLS + 3)
    tally = Tally(client, cast(Servers, None), cast(UnscreenedLines, kept), catching_up=True)
    now = datetime.now(UTC)
    await tally.resume(1, [])
    assert list(kept.lines) == list(range(3, module._MOST_SPELLS + 3))
    for number in range(3):  # before any of their tasks has run
        tally.add_away(1, [(10, 100 + number, now)], {})
    assert len(tally._spells[1]) == len(tally._telling) == module._MOST_SPELLS
    await tally.stop()


async def test_what_is_settled_while_it_is_listed_is_not_waited_for(tally: Tally) -> None:
    now = datetime.now(UTC)
    tally.note(1)
    # Listed meanwhile: 101 to 104. Screened, lost or put down again before the list is there:
    tally.settle(1, 101, Settled.SCREENED)
    tally.settle(1, 103, Settled.SCREENED)
    tally.lose([102, 999])
    tally.add(1, 10, 103, Overloaded(1))
    tally.add_away(1, [(10, number, now) for number in (101, 102, 103, 104)], {})
    live, away = tally._spells[1]
    assert live.waiting == {103}
    assert away.waiting == {104}
    assert (away.messages, away.screened, away.lost) == (3, 1, 1)
    tally.settle(1, 101, Settled.SCREENED)  # of which there is nothing to tell any more
    assert (away.messages, away.screened) == (3, 1)
    await tally.stop()


class Stumbling(Tally):
    """Discord gives no answer when a line is to be posted."""

    tries = 0

    async def _log_channel(self, server_id: int) -> discord.abc.Messageable | None:
        self.tries += 1
        raise ConnectionResetError


@pytest.fixture
def stumbling(request: pytest.FixtureRequest) -> Stumbling:
    client = discord.Client(intents=discord.Intents.none())
    servers, lines = cast(Servers, None), cast(UnscreenedLines, None)
    return Stumbling(client, servers, lines, catching_up=getattr(request, "param", False))


async def test_a_line_that_is_never_taken_is_given_up_after_one_warning(
    stumbling: Stumbling, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "EVERY_S", 0.01)
    monkeypatch.setattr(module, "KEEP_TRYING_S", 0.2)
    stumbling.add_away(1, [], {10: datetime.now(UTC)})
    await until(lambda: not stumbling._telling)
    assert stumbling.tries > 1
    assert caplog.text.count("could not be told") == 1
    assert not stumbling._complained
    await stumbling.stop()


async def test_a_line_that_is_not_taken_is_not_tried_again_at_once(
    stumbling: Stumbling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUIET_S", 0.0)
    stumbling.add(1, 10, 100, Overloaded(1))
    await until(lambda: stumbling.tries)
    await asyncio.sleep(0.05)
    assert stumbling.tries == 1
    await stumbling.stop()


@pytest.mark.parametrize("stumbling", [True], indirect=True)
async def test_nor_is_one_of_which_all_is_settled(
    stumbling: Stumbling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUIET_S", 0.0)
    stumbling.add(1, 10, 100, Overloaded(1))
    await until(lambda: stumbling.tries == 1)
    stumbling.settle(1, 100, Settled.SCREENED)
    await until(lambda: stumbling.tries == 2)
    await asyncio.sleep(0.05)
    assert stumbling.tries == 2
    await stumbling.stop()


def test_a_nonce_fits_and_tells_spells_and_servers_apart() -> None:
    now, long = datetime.now(UTC), 2**63 - 1
    spells = [
        Spell(server_id, at, at)
        for server_id in (long, long - 2**22)
        for at in (now, now + timedelta(milliseconds=2))
    ]
    nonces = {module._nonce(spell) for spell in spells}
    assert len(nonces) == 4
    assert all(len(nonce) <= 25 for nonce in nonces)
