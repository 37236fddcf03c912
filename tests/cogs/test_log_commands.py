"""`/log`: what was decided, in pages that turn after a restart, and as a file."""

from __future__ import annotations

import csv
import io
import itertools
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest

from bot.cogs import journal
from sandbox.wire import CannotDo, Message, Reply
from tests.cogs.acting import enforce, flagged
from tests.conftest import Scene

LABELS = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")
MESSAGE_IDS = itertools.count(10**17)


def entries(shown: Reply | Message) -> list[tuple[str, str]]:
    message = shown.message if isinstance(shown, Reply) else shown
    (embed,) = message.embeds
    return [(field["name"], field["value"]) for field in embed.get("fields", ())]


def numbers(shown: Reply | Message) -> list[int]:
    return [int(name.removeprefix("Decision ")) for name, _ in entries(shown)]


def invent(scene: Scene, count: int, **given: Any) -> None:
    """Made-up flags of the past, in the database of a bot that is stopped."""
    values = {
        "server_id": scene.server.id,
        "channel_id": scene.general.id,
        "author_id": scene.ada.id,
        "surface": "content",
        "revision": 0,
        "labels_over": "insult",
        "action": "alert",
        "outcome": "alerted",
        "model_version": "tiny-1",
        "message_created_at": "2099-01-01T00:00:00.000000Z",
        "decided_at": "2099-01-01T00:00:00.000000Z",
        **{f"score_{label}": 0.1 for label in LABELS},
        **{f"threshold_{label}": 0.7 for label in LABELS},
        "score_insult": 0.9,
    } | given
    with closing(sqlite3.connect(scene.database)) as connection, connection:
        for _ in range(count):
            row = values | {"message_id": next(MESSAGE_IDS)}
            names, holes = ", ".join(row), ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO decisions ({names}) VALUES ({holes})", [*row.values()])


async def make_database(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        pass


async def test_an_entry_tells_what_became_of_a_flag(scene: Scene) -> None:
    async with scene.bot():
        message = await scene.ada.post(scene.general, "you idiot")
        card = await scene.wire.wait_for_message(scene.log)
        await scene.mo.click(card, "Dismiss")
        await scene.wire.quiet()
        reply = await scene.mo.run(scene.general, "log recent")
        assert reply.ephemeral
        assert reply.deferred
        ((name, value),) = entries(reply)
        assert name == "Decision 1"
        assert f"<@{scene.ada.id}> in <#{scene.general.id}>" in value
        url = f"/channels/{scene.server.id}/{scene.general.id}/{message.id}"
        assert f"[Message](https://discord.com{url})" in value
        assert "**Toxic** 0.97 ≥ 0.70 · **Insult** 0.97 ≥ 0.70" in value
        assert "Moderators were alerted." in value
        assert f"**Dismissed as a false alarm** by <@{scene.mo.id}>" in value
        assert "idiot" not in reply.texts
        assert not reply.message.pings
        assert not reply.message.buttons  # it is the only page
        # The same message, by its link and by its id; an edit is a decision of its own.
        await message.edit("you moron")
        await scene.wire.wait_for_message(scene.log)
        for asked in (f"https://discord.com{url}", str(message.id)):
            reply = await scene.mo.run(scene.general, "log message", message=asked)
            assert numbers(reply) == [2, 1]
            assert ", as edited <t:" in entries(reply)[0][1]
        reply = await scene.mo.run(scene.general, "log message", message=str(message.id + 1))
        assert "no such decision" in reply.texts
        reply = await scene.mo.run(scene.general, "log message", message="that one")
        assert "“that one” is neither a link" in reply.texts
        link = "https://discord.com/channels"
        for asked, told in (
            (
                f"{link}/77/{scene.general.id}/{message.id}",
                "another server, the one with the id 77",
            ),
            (f"{link}/@me/{scene.general.id}/{message.id}", "a link to a direct message"),
            (f"{link}/{scene.server.id}/{scene.general.id}/7", "7 at its end cannot be the id"),
            (f"{link}/{scene.server.id}/{scene.general.id}/{2**63}", "cannot be the id"),
            (f"{link}/{scene.server.id}", "a link, but not to a message"),
        ):
            reply = await scene.mo.run(scene.general, "log message", message=asked)
            assert told in reply.texts


async def test_what_was_done_and_what_would_have_been(scene: Scene) -> None:
    async with scene.bot():
        await scene.mo.run(scene.general, "actions set", label="insult", action="delete")
        await flagged(scene, scene.ada, scene.general, "you idiot")
        await enforce(scene, "threat", "timeout", duration="2h")
        await flagged(scene, scene.ada, scene.general, "I kill you")
        await scene.wire.quiet()
        reply = await scene.mo.run(scene.general, "log member", member=scene.ada)
    (_, timed_out), (_, observed) = entries(reply)
    assert "The message was deleted and its author timed out for 2 hours." in timed_out
    assert "Not enforced: the message would have been deleted." in observed
    assert f"Author: <@{scene.ada.id}>" in reply.texts


async def test_what_the_rules_asked_for_and_could_not_be_done(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "threat", "timeout", duration="2h")
        scene.server.bot_role.set_permissions(
            discord.Permissions(view_channel=True, send_messages=True, embed_links=True)
        )
        await flagged(scene, scene.ada, scene.general, "I kill you")
        await scene.wire.quiet()
        reply = await scene.mo.run(scene.general, "log recent")
    ((_, told),) = entries(reply)
    assert "Moderators were alerted." in told
    assert re.search(r"Message not deleted <t:\d+:R>: I lack a permission for it", told)
    assert re.search(r"Author not timed out <t:\d+:R>: I lack a permission for it", told)


async def test_filters(scene: Scene) -> None:
    await make_database(scene)
    other = scene.server.add_channel("other")
    invent(scene, 1, channel_id=other.id)
    invent(scene, 1, score_threat=0.9, score_insult=0.1, labels_over="threat")
    long_ago = datetime.now(UTC) - timedelta(days=20)
    invent(scene, 1, decided_at=f"{long_ago:%Y-%m-%dT%H:%M:%S.%fZ}")
    invent(scene, 1, author_id=scene.mo.id)
    scene.change("INSERT INTO verdicts VALUES (2, 'upheld', 7, '2099-01-01T00:00:00.000000Z')")
    async with scene.bot(log_channel=False):

        async def found(command: str = "log recent", **options: Any) -> list[int]:
            return numbers(await scene.mo.run(scene.general, command, **options))

        assert await found(channel=other) == [1]
        assert await found(label="threat") == [2]
        assert await found(verdict="upheld") == [2]
        assert await found(verdict="not_yet", label="insult", channel=scene.general) == [4, 3]
        assert await found("log member", member=scene.mo) == [4]
        assert 3 not in await found(days=7)
        reply = await scene.mo.run(scene.general, "log recent", verdict="upheld", label="threat")
        assert "Label: Threat\nVerdict: upheld" in reply.texts


async def test_pages_turn_after_a_restart(scene: Scene) -> None:
    await make_database(scene)
    invent(scene, 12)
    async with scene.bot(log_channel=False):
        reply = await scene.mo.run(scene.general, "log recent", label="insult")
        page = reply.message
        assert numbers(page) == [12, 11, 10, 9, 8]
        assert [button.get("disabled", False) for button in page.buttons] == [True, False]
    async with scene.bot(log_channel=False):
        for label, shown in (
            ("Older", [7, 6, 5, 4, 3]),
            ("Older", [2, 1]),
            ("Newer", [7, 6, 5, 4, 3]),
            ("Newer", [12, 11, 10, 9, 8]),
        ):
            await scene.mo.click(page, label)
            await scene.wire.quiet()
            assert numbers(page) == shown


async def test_nothing_is_told_of_channels_that_the_reader_cannot_see(scene: Scene) -> None:
    await make_database(scene)
    hidden = scene.server.add_channel("hidden")
    hidden.set_permissions(scene.mo, view_channel=False)
    invent(scene, 1, channel_id=hidden.id)
    async with scene.bot(log_channel=False):
        reply = await scene.mo.run(scene.general, "log recent")
    assert entries(reply) == [("Decision 1", "In a channel that you cannot see.")]
    assert str(scene.ada.id) not in reply.texts


async def test_only_moderators_read_and_only_managers_export(scene: Scene) -> None:
    await make_database(scene)
    invent(scene, 12)
    reader = scene.server.add_member(
        "reader", permissions=discord.Permissions(manage_messages=True, view_channel=True)
    )
    async with scene.bot(log_channel=False):
        with pytest.raises(CannotDo):
            await scene.ada.run(scene.general, "log recent")
        reply = await scene.ada.run(scene.general, "log recent", force=True)
        assert "Manage Messages" in reply.texts
        page = (await reader.run(scene.general, "log recent")).message
        reply = await reader.run(scene.general, "log export")
        assert "Manage Server" in reply.texts
        assert not reply.message.attachments
        # Who may no longer read cannot turn a page that they still have.
        scene.general.set_permissions(reader, manage_messages=False)
        reply = await reader.click(page, "Older")
        assert "Manage Messages" in reply.texts
        assert numbers(page) == [12, 11, 10, 9, 8]


def rows(scene: Scene, reply: Reply) -> list[dict[str, str]]:
    (attached,) = reply.message.attachments
    assert attached["filename"] == "hexward-log.csv"
    raw = scene.wire.world.backend.cdn.get(attached["url"]) or b""
    return list(csv.DictReader(io.StringIO(raw.decode(), newline="")))


async def test_a_file_that_is_cut_says_where_to_go_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_database(scene)
    invent(scene, 30)
    async with scene.bot(log_channel=False):
        reply = await scene.mo.run(scene.general, "log export")
        assert "30 decisions" in reply.texts
        assert "rest" not in reply.texts
        whole = rows(scene, reply)
        assert [int(row["decision"]) for row in whole] == list(range(30, 0, -1))
        assert {row["author_id"] for row in whole} == {str(scene.ada.id)}
        monkeypatch.setattr(journal, "_MOST_BYTES", 4_096 + 4_000)
        monkeypatch.setattr(journal, "_AT_ONCE", 4)
        reply = await scene.mo.run(scene.general, "log export")
        first = rows(scene, reply)
        last = first[-1]["decision"]
        assert 1 < len(first) < 30
        assert f"`/log export before:{last}`" in reply.texts
        monkeypatch.undo()
        second = rows(scene, await scene.mo.run(scene.general, "log export", before=int(last)))
        assert first + second == whole
        reply = await scene.mo.run(scene.general, "log export", before=1)
        assert "no such decision" in reply.texts
