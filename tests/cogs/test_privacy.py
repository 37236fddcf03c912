"""`/privacy`, as members and moderators use it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.cogs import privacy as module
from sandbox.wire import Reply
from tests.conftest import Scene
from tests.patience import until

DECISIONS = "SELECT count(*) FROM decisions"
EXCERPTS = "SELECT text FROM excerpts"


def words(reply: Reply) -> str:
    assert reply.ephemeral
    return reply.texts


def fields(reply: Reply) -> dict[str, str]:
    assert reply.ephemeral
    (embed,) = reply.embeds
    return {field["name"]: field["value"] for field in embed["fields"]}


async def flagged(scene: Scene, text: str = "you idiot", by: Any = None) -> Any:
    """A message that is posted and alerted."""
    message = await (by or scene.ada).post(scene.general, text)
    await scene.wire.wait_for_message(scene.log)
    return message


def file_of(scene: Scene, reply: Reply) -> dict[str, Any]:
    assert reply.ephemeral
    (attachment,) = reply.followups[0].attachments if reply.followups else reply.message.attachments
    raw = scene.wire.world.backend.cdn.get(attachment["url"]) or b""
    document: dict[str, Any] = json.loads(raw)
    return document


async def test_anybody_sees_what_is_stored_for_how_long_and_by_whom(scene: Scene) -> None:
    settings = scene.settings.model_copy(
        update={
            "privacy_contact": "privacy@example.org",
            "privacy_policy_url": "https://example.org/privacy",
        }
    )
    async with replace(scene, settings=settings).bot():
        await flagged(scene)
        shown = fields(await scene.ada.run(scene.general, "privacy show"))
        assert "30 days" in shown["Of a flagged message"]
        assert shown["Its text"].startswith("Not stored.")
        assert "7 days" in shown["When the bot leaves"]
        assert "Flags of your messages: 1." in shown["Of you"]
        assert shown["Stored by"] == "privacy@example.org"
        assert shown["Privacy policy"] == "https://example.org/privacy"
        assert "messages: 0." in fields(await scene.mo.run(scene.general, "privacy show"))["Of you"]


async def test_without_a_contact_it_says_whom_to_ask(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        shown = fields(await scene.ada.run(scene.general, "privacy show"))
    assert "Ask the moderators" in shown["Stored by"]
    assert "Privacy policy" not in shown


async def test_members_cannot_choose_for_the_server(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        for command, options in (
            ("privacy retention", {"days": 90}),
            ("privacy excerpts on", {"days": 30}),
            ("privacy excerpts off", {}),
        ):
            # Discord's client shows the group to everybody, so the refusal is ours.
            reply = await scene.ada.run(scene.general, command, **options)
            assert "Manage Server" in words(reply)
    assert scene.rows("SELECT * FROM privacy") == []


async def test_a_shorter_retention_is_enforced_at_once(scene: Scene) -> None:
    async with scene.bot():
        await flagged(scene)
    ago = (datetime.now(UTC) - timedelta(days=10)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    scene.change(f"UPDATE decisions SET decided_at = '{ago}'")
    async with scene.bot(log_channel=False):
        reply = await scene.mo.run(scene.general, "privacy retention", days=11)
        assert "11 days" in words(reply)
        await scene.wire.quiet()
        assert scene.rows(DECISIONS) == [(1,)]
        await scene.mo.run(scene.general, "privacy retention", days=9)
        await until(lambda: scene.rows(DECISIONS) == [(0,)])
        shown = fields(await scene.ada.run(scene.general, "privacy show"))
        assert "9 days" in shown["Of a flagged message"]


@pytest.mark.parametrize(
    ("command", "days", "most"),
    [
        ("privacy retention", 0, 90),
        ("privacy retention", 91, 90),
        ("privacy excerpts on", 31, 30),
        ("privacy excerpts on", -1, 30),
    ],
)
async def test_days_out_of_range_change_nothing(
    scene: Scene, command: str, days: int, most: int
) -> None:
    async with scene.bot(log_channel=False):
        reply = await scene.mo.run(scene.general, command, force=True, days=days)
        assert f"from 1 to {most}" in words(reply)
    assert scene.rows("SELECT * FROM privacy") == []


async def test_an_export_holds_exactly_the_members_rows(scene: Scene) -> None:
    bob = scene.server.add_member("bob")
    async with scene.bot():
        await scene.mo.run(scene.general, "privacy excerpts on", days=2)
        mine = await flagged(scene, "you idiot")
        await flagged(scene, "you moron", by=bob)
        await until(lambda: len(scene.rows(EXCERPTS)) == 2)
        document = file_of(scene, await scene.ada.run(scene.general, "privacy export"))
        nothing = file_of(scene, await scene.mo.run(scene.general, "privacy export"))
    (flag,) = document["flags_of_your_messages"]
    assert flag["message_id"] == str(mine.id)
    assert flag["excerpt"]["text"] == "you idiot"
    assert document["member_id"] == str(scene.ada.id)
    assert "moron" not in json.dumps(document)
    assert str(bob.id) not in json.dumps(document)
    assert nothing["flags_of_your_messages"] == []


def test_an_export_that_is_too_large_leaves_out_the_oldest() -> None:
    flags = [{"id": str(number), "surface": "x" * 100} for number in range(100, 0, -1)]
    document = {"flags_of_your_messages": flags, "older_flags_left_out": 5}
    raw = module._fitting(document, 5_000)
    assert len(raw) <= 5_000
    found = json.loads(raw)
    kept = [flag["id"] for flag in found["flags_of_your_messages"]]
    assert kept == [flag["id"] for flag in flags[: len(kept)]]
    assert len(kept) + found["older_flags_left_out"] == 105


class TestForget:
    async def test_it_is_asked_for_once_more(self, scene: Scene) -> None:
        async with scene.bot():
            await flagged(scene)
            reply = await scene.ada.run(scene.general, "privacy forget")
            assert "cannot be undone" in words(reply)
            assert scene.rows("SELECT * FROM forgettings") == []
            (message,) = [m for m in (reply.message, *reply.followups) if m and m.buttons]
            await scene.ada.click(message, "Cancel")
            assert "Nothing was changed" in message.texts
            assert message.buttons == []
            assert scene.rows(DECISIONS) == [(1,)]

    async def test_what_is_old_goes_and_what_is_young_follows(self, scene: Scene) -> None:
        async with scene.bot():
            for text in ("you idiot", "you moron"):
                await flagged(scene, text)
        ago = (datetime.now(UTC) - timedelta(days=8)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
        scene.change(f"UPDATE decisions SET decided_at = '{ago}' WHERE id = 1")
        async with scene.bot(log_channel=False):
            message = await self.ask(scene)
            await scene.ada.click(message, "Delete what is stored of me")
            await scene.wire.wait_until(lambda: "Done" in message.texts)
            assert "no longer name you: 1." in message.texts
            assert "1 younger one follows" in message.texts
            assert message.buttons == []
            assert scene.rows("SELECT id FROM decisions") == [(2,)]
            assert len(scene.rows("SELECT * FROM forgettings")) == 1
        scene.change(f"UPDATE decisions SET decided_at = '{ago}'")
        async with scene.bot(log_channel=False):  # the purge at the start finishes it
            await until(lambda: scene.rows("SELECT * FROM forgettings") == [])
            assert scene.rows(DECISIONS) == [(0,)]

    async def test_nothing_stored_is_said_plainly(self, scene: Scene) -> None:
        async with scene.bot(log_channel=False):
            message = await self.ask(scene)
            await scene.ada.click(message, "Delete what is stored of me")
            await scene.wire.wait_until(lambda: "Nothing was stored" in message.texts)

    async def test_a_question_that_is_too_late_is_closed(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_CONFIRM_S", 0.2)
        async with scene.bot(log_channel=False):
            message = await self.ask(scene)
            await scene.wire.wait_until(lambda: "too late" in message.texts)
            assert message.buttons == []

    async def ask(self, scene: Scene) -> Any:
        reply = await scene.ada.run(scene.general, "privacy forget")
        (message,) = [m for m in (reply.message, *reply.followups) if m and m.buttons]
        return message


async def test_a_member_who_asks_too_often_waits_and_nobody_else(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        for _ in range(3):
            await scene.ada.run(scene.general, "privacy export")
        assert "Try again in 10 min" in words(await scene.ada.run(scene.general, "privacy export"))
        assert "several times" not in words(await scene.mo.run(scene.general, "privacy export"))
        assert "several times" not in words(await scene.ada.run(scene.general, "privacy show"))


class TestExcerpts:
    async def test_are_kept_only_where_and_while_the_server_wants_them(self, scene: Scene) -> None:
        async with scene.bot():
            await flagged(scene, "you idiot")
            await scene.wire.quiet()  # all that follows the alert has happened too
            assert "for 7 days" in words(await scene.mo.run(scene.general, "privacy excerpts on"))
            await flagged(scene, "you moron " + "x" * 300)
            await until(lambda: scene.rows(EXCERPTS))
            ((text,),) = scene.rows(EXCERPTS)
            assert text == "you moron " + "x" * 189 + "…"
            shown = fields(await scene.ada.run(scene.general, "privacy show"))
            assert shown["Its text"].startswith("Its first 200 characters")
            assert "7 days" in shown["Its text"]
            await scene.ada.post(scene.general, "hello there")
            await scene.mo.run(scene.general, "privacy excerpts off")
            assert scene.rows(EXCERPTS) == []
            await flagged(scene, "you idiot again")
            await scene.wire.quiet()
            assert scene.rows(EXCERPTS) == []

    async def test_go_when_their_message_is_deleted(self, scene: Scene) -> None:
        async with scene.bot():
            await scene.mo.run(scene.general, "privacy excerpts on")
            messages = [await flagged(scene, f"you idiot {number}") for number in range(3)]
            await until(lambda: len(scene.rows(EXCERPTS)) == 3)
            await messages[0].delete()
            await until(lambda: len(scene.rows(EXCERPTS)) == 2)
            assert "0" not in str(scene.rows(EXCERPTS))
            scene.wire.send_event(
                "MESSAGE_DELETE_BULK",
                {
                    "ids": [str(message.id) for message in messages[1:]],
                    "channel_id": str(scene.general.id),
                    "guild_id": str(scene.server.id),
                },
            )
            await until(lambda: scene.rows(EXCERPTS) == [])
            assert scene.rows(DECISIONS) == [(3,)]

    async def test_go_with_their_channel_or_thread(self, scene: Scene) -> None:
        thread = scene.general.add_thread("chat", scene.ada)
        other = scene.server.add_channel("other")
        async with scene.bot():
            await scene.mo.run(scene.general, "privacy excerpts on")
            for place in (thread, other):
                await scene.ada.post(place, "you idiot")
                await scene.wire.wait_for_message(scene.log)
            await until(lambda: len(scene.rows(EXCERPTS)) == 2)
            thread.delete()
            await until(lambda: len(scene.rows(EXCERPTS)) == 1)
            other.delete()
            await until(lambda: scene.rows(EXCERPTS) == [])

    async def test_none_is_kept_of_a_message_that_is_gone_before(self, scene: Scene) -> None:
        async with scene.bot():
            await scene.mo.run(scene.general, "privacy excerpts on")
            # The alert takes a while, and what follows it has not happened when the message goes.
            scene.wire.faults.slow(0.5, "POST", "/channels/*/messages")
            message = await scene.ada.post(scene.general, "you idiot")
            await scene.wire.wait_until(lambda: scene.rows(DECISIONS) == [(1,)])
            await message.delete()
            await scene.wire.wait_for_message(scene.log)
            await scene.wire.quiet()
            assert scene.rows(EXCERPTS) == []


class TestLeaving:
    LEFT = "SELECT left_at IS NOT NULL FROM privacy"

    async def left_days_ago(self, scene: Scene, days: int) -> None:
        async with scene.bot():
            await flagged(scene)
            scene.server.remove_bot()
            await until(lambda: scene.rows(self.LEFT) == [(1,)])
        ago = (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
        scene.change(f"UPDATE privacy SET left_at = '{ago}'")

    async def test_a_server_that_was_left_a_week_ago_is_deleted(self, scene: Scene) -> None:
        await self.left_days_ago(scene, 8)
        async with scene.bot(log_channel=False):
            await until(lambda: scene.rows("SELECT * FROM privacy") == [])
        for table in ("decisions", "servers", "daily_counts", "last_seen"):
            assert scene.rows(f"SELECT * FROM {table}") == []

    async def test_a_server_that_was_left_yesterday_is_not(self, scene: Scene) -> None:
        await self.left_days_ago(scene, 1)
        async with scene.bot(log_channel=False):
            await scene.wire.quiet()
        assert scene.rows(DECISIONS) == [(1,)]

    async def test_leaving_while_the_bot_is_away_is_noticed(self, scene: Scene) -> None:
        async with scene.bot():
            await flagged(scene)
        scene.server.remove_bot()
        async with scene.bot(log_channel=False):
            await until(lambda: scene.rows(self.LEFT) == [(1,)])
        assert scene.rows(DECISIONS) == [(1,)]

    async def test_a_server_that_the_bot_is_in_again_keeps_everything(self, scene: Scene) -> None:
        async with scene.bot():
            await flagged(scene)
            await scene.mo.run(scene.general, "privacy retention", days=60)
        # Left long ago and back, both while the bot was away.
        scene.change("UPDATE privacy SET left_at = '2020-01-01T00:00:00.000000Z'")
        async with scene.bot(log_channel=False):
            await until(lambda: scene.rows(self.LEFT) == [(0,)])
        assert scene.rows(DECISIONS) == [(1,)]

    async def test_an_outage_is_not_leaving(self, scene: Scene) -> None:
        async with scene.bot():
            await flagged(scene)
            scene.wire.send_event("GUILD_DELETE", {"id": str(scene.server.id), "unavailable": True})
            await scene.wire.quiet()
        assert scene.rows(self.LEFT) == []
