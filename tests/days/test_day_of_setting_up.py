"""A moderator's first day: the bot joins, is set up, has a calm day, is restarted, is looked at."""

from __future__ import annotations

import json
from typing import Any

import discord

from sandbox.wire import Channel, Message
from tests.conftest import MODERATOR, Running, Scene

RIGHTS = MODERATOR | discord.Permissions(moderate_members=True)
BOT = RIGHTS | discord.Permissions(
    embed_links=True, attach_files=True, read_message_history=True, add_reactions=False
)
PANEL = "hexward:setup:"
DELETED = 72  # as the audit log calls it


async def test_a_day_of_setting_up(scene: Scene, running: Running) -> None:
    wire = scene.wire

    async def shows(message: Message, *words: str) -> None:
        for word in words:
            await wire.wait_until(lambda w=word: w in message.texts, what=f"{word!r} on a message")

    async def answered(where: Channel, command: str, *words: str, **options: Any) -> None:
        reply = await mo.run(where, command, **options)
        assert reply.ephemeral
        for word in words:
            assert word in reply.texts, f"/{command}: {word!r} is not in {reply.texts!r}"

    async with running():
        # It joins a server in which it may not see everything, and says where to go on.
        with wire.invitation("Chess Club") as server:
            server.bot_role.set_permissions(BOT)
            general, alerts = server.add_channel("general"), server.add_channel("alerts")
            alerts.set_permissions(server.everyone, view_channel=False)
            mo = server.add_member("mo", permissions=RIGHTS)
            alerts.set_permissions(mo, view_channel=True)
            ada, ben, cleo = (server.add_member(name) for name in ("ada", "ben", "cleo"))
        greeting = await wire.wait_for_message(general)
        assert "`/setup`" in greeting.content

        # The panel names what is wrong with a channel, and takes it once that is mended.
        panel = (await mo.run(general, "setup")).message
        assert panel is not None
        assert "No log channel is set" in panel.texts
        refused = await mo.select(panel, [alerts], custom_id=PANEL + "log")
        told = await refused.followup()
        assert "there I lack View Channel, Send Messages and Embed Links" in told.content
        assert "choose another channel" in told.content
        alerts.set_permissions(server.bot, view_channel=True, send_messages=True, embed_links=True)
        await mo.select(panel, [alerts], custom_id=PANEL + "log")
        await shows(panel, f"Alerts are posted in {alerts.mention}")
        await mo.select(panel, ["delete-worst"], custom_id=PANEL + "actions")
        tried = await mo.click(panel, custom_id=PANEL + "try")
        assert "Hexward is ready" in (await tried.followup()).texts
        test = await wire.wait_for_message(alerts)
        assert test.embeds[0]["title"].startswith("Test: ")

        # A calm day: of three messages one is flagged, and that was a false alarm.
        await ada.post(general, "good morning, who plays tonight?")
        await ben.post(general, "damn, I lost three in a row")
        card = await wire.wait_for_message(alerts)
        assert card.embeds[0]["title"] == "Flagged: Obscene"
        await mo.click(card, "Dismiss")
        await shows(card, f"**Dismissed as a false alarm** by {mo.mention}")
        assert [button["label"] for button in card.buttons] == ["Undo"]

        # An edit does not evade.
        edited = await ben.post(general, "have a nice day")
        await edited.edit("have a nice day, idiot")
        card = await wire.wait_for_message(alerts)
        await shows(card, "Message (edited)", "Flagged: Toxic, Insult", "Alert only.")

        # Nor does a forward, of a message in a channel where the bot sees nothing.
        hidden = server.add_channel("hidden")
        hidden.set_permissions(server.bot, view_channel=False)
        await ada.forward(await ben.post(hidden, "kill them all"), to=general)
        forward = await wire.wait_for_message(alerts)
        await shows(
            forward,
            "Forwarded text",
            ada.mention,
            "Nothing was done. In enforce mode the message would have been deleted.",
        )

        # A member who is gone cannot be timed out, and their message can still be deleted.
        bad = await cleo.post(general, "you subhuman")
        card = await wire.wait_for_message(alerts)
        cleo.leave()
        menu = await mo.click(card, "Timeout…")
        assert menu.texts == "The member has left the server."

        # The bot is stopped in the middle of a click: Discord is slow to delete.
        wire.faults.slow(0.2, "DELETE", "/channels/*/messages/*")
        assert (await mo.click(card, "Delete")).deferred

    async with running():
        await shows(card, f"**Message deleted** by {mo.mention}")
        assert bad.deleted
        # The buttons of a card that is older than the start work.
        await mo.click(forward, "Uphold")
        await shows(forward, f"**Upheld** by {mo.mention}")

        # Looking back.
        await answered(general, "log recent", "Decision 4", "Decision 1", "**Upheld** by")
        await answered(general, "log member", "**Identity hate** 0.97 ≥ 0.70", member=cleo)
        await answered(general, "stats", "**4** were flagged")
        await answered(
            general,
            "thresholds preview",
            "**4** would flag at 0.7, as it is",
            label="toxic",
            value=0.99,
        )
        await answered(general, "thresholds suggest", "Not enough verdicts yet")
        await answered(general, "doctor", "I cannot see " + hidden.mention)
        export = (await mo.run(general, "settings export")).message
        assert export is not None
        document = json.loads(wire.world.backend.cdn.get(export.attachments[0]["url"]))
        assert document["log_channel"] == str(alerts.id)
        assert document["mode"] == "observe"
    assert [one["action_type"] for one in server.audit_log].count(DELETED) == 1
    assert scene.rows("SELECT verdict FROM verdicts ORDER BY decision_id") == [
        ("dismissed",),
        ("upheld",),
        ("upheld",),
    ]
