"""A moderator's worst day, in German: missing permissions, a raid, a restart, a look back."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import discord
import pytest

from bot.chat import actions, crowds, patiently, posting, stubborn
from bot.chat.deeds import timeout
from bot.cogs import screening
from sandbox.wire import Limit, Reply
from tests.conftest import MODERATOR, Scene
from tests.patience import until

RIGHTS = MODERATOR | discord.Permissions(moderate_members=True)
BOT = discord.Permissions(
    view_channel=True,
    send_messages=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
)
ACTS = BOT | discord.Permissions(manage_messages=True, moderate_members=True)
BULK = "/channels/*/messages/bulk-delete"
OUTCOMES = "SELECT outcome FROM decisions"


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A raid of two dozen messages is one of thousands, and minutes are moments."""
    monkeypatch.setattr(actions, "MOST_WAITING", 3)
    monkeypatch.setattr(posting, "MOST_PENDING", 2)
    monkeypatch.setattr(crowds, "SUM_UP_EVERY_S", 0.2)
    monkeypatch.setattr(patiently, "_AGAIN_S", (0.0,))
    monkeypatch.setattr(stubborn, "_FIRST_S", 0.05)
    monkeypatch.setattr(screening, "_DRAIN_S", 0.05)  # a stop waits for nobody
    # However long the restart takes, a member was timed out but a moment ago.
    monkeypatch.setattr(timeout, "_AGAIN", timedelta(minutes=10))
    monkeypatch.setattr(timeout, "_AS_GOOD", timedelta(minutes=10))


async def test_a_day_of_a_raid(scene: Scene) -> None:
    wire, server, general, log, mo = scene.wire, scene.server, scene.general, scene.log, scene.mo
    server.speak("de")
    server.bot_role.set_permissions(BOT)
    log.set_permissions(server.everyone, view_channel=False)
    log.set_permissions(server.bot_role, view_channel=True)
    mia = server.add_member("mia", permissions=RIGHTS)
    for moderator in (mo, mia):
        moderator.speak("de")
        log.set_permissions(moderator, view_channel=True)

    async def answered(command: str, *words: str, **options: Any) -> Reply:
        reply: Reply = await mo.run(general, command, **options)
        assert reply.ephemeral
        for word in words:
            assert word in reply.texts, f"/{command}: {word!r} is not in {reply.texts!r}"
        return reply

    async with scene.bot():
        # A server with odd permissions: what is missing is named, with the way out.
        await answered("actions set", label="threat", action="timeout", duration="2 Stunden")
        await answered("actions set", label="insult", action="delete")
        await answered("mode enforce", "Zum Löschen fehlt mir **Nachrichten verwalten**")
        await scene.ada.post(general, "you idiot")
        card = await wire.wait_for_message(log)
        assert "Nachricht nicht gelöscht: Mir fehlt „Nachrichten verwalten“" in card.texts
        assert "Gib meiner Rolle" in card.texts
        await answered("doctor", "❌ **Aktionen** · Zum Löschen fehlt mir")
        server.bot_role.set_permissions(ACTS)
        await answered("mode show", "Ich habe alle Berechtigungen")
        await answered("doctor", "Alles in Ordnung")

        # A raid, and the bot is stopped in the middle: Discord is slow to delete.
        deleting = wire.faults.slow(1.0, "POST", BULK, times=None)
        raiders = [server.add_member(f"raider{number}") for number in range(3)]
        wire.limits.set("POST", BULK, Limit(1, 0.3))
        posted = [
            await raiders[number % 3].post(
                general, f"{('idiot', 'moron', 'i kill you')[number // 3 % 3]} {number}"
            )
            for number in range(24)
        ]
        await wire.wait_until(lambda: deleting.hits, what="the first deletions")
        await wire.wait_until(
            lambda: any(raider.timed_out_until for raider in raiders), what="the first timeout"
        )
    # What it had begun is carried out, but nobody is there to hear of it.
    await wire.wait_until(lambda: any(message.deleted for message in posted), what="a deletion")
    deleting.delay_s = 0.0

    async with scene.bot(log_channel=False):
        await wire.wait_until(
            lambda: all(message.deleted for message in posted), what="the end of the raid"
        )
        await until(lambda: (None,) not in scene.rows(OUTCOMES))
        # All of it is the bot's own work, and on record as that; nothing went unscreened.
        outcomes = [outcome for (outcome,) in scene.rows(OUTCOMES)]
        assert len(outcomes) == 25
        assert set(outcomes[1:]) <= {"deleted", "timed_out"}
        assert all(raider.timed_out_until for raider in raiders)
        timed_out = [
            request.path
            for request in wire.requests
            if "/members/" in request.path and request.method == "PATCH"
        ]
        assert len(timed_out) == len(set(timed_out)) == len(raiders)
        await wire.quiet()
        lines = [message.content for message in log.bot_messages if not message.embeds]
        assert not [line for line in lines if "ungeprüft" in line]
        assert all(re.search(r"markiert, schneller als Discord", line) for line in lines)

        # A false alarm: two moderators click at once, and the first one's click counts.
        await asyncio.gather(mo.click(card, "Fehlalarm"), mia.click(card, "Bestätigen"))
        await until(lambda: len(scene.rows("SELECT verdict FROM verdicts")) == 1)
        await wire.quiet()
        assert [button["label"] for button in card.buttons][-1] == "Rückgängig"

        # A member who leaves at once keeps nobody from deleting what they wrote.
        zed = server.add_member("zed")
        parting = await zed.post(general, "i kill you")
        zed.leave()
        await wire.wait_until(lambda: parting.deleted, what="a deletion")
        await until(lambda: (None,) not in scene.rows(OUTCOMES))
        await answered("log member", "Die Nachricht wurde gelöscht.", member=zed)

        # Looking back, and what a deleted log channel leads to.
        # What a stop had cut off and was found decided already has used a number up.
        [(newest,)] = scene.rows("SELECT max(id) FROM decisions")
        await answered("log recent", "Neueste Treffer", f"Entscheidung {newest}")
        await answered("stats", "**26** wurden markiert")
        log.delete()
        await answered("doctor", "❌ **Log-Kanal**", "/einrichten")
