"""Titles of threads and forum posts: flagged when opened and when changed, and told."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from tests.cogs.acting import done_to, enforce
from tests.conftest import Scene

DECISIONS = "SELECT channel_id, message_id, author_id, surface, outcome FROM decisions ORDER BY id"
CAPTURES = Path(__file__).parents[2].parent / "shared" / "discord" / "captures"


async def test_a_title_is_flagged_and_told_with_thread_and_opener(scene: Scene) -> None:
    async with scene.bot():
        thread = scene.general.add_thread("you idiot", by=scene.ada)
        card = await scene.wire.wait_for_message(scene.log)
    (embed,) = card.embeds
    assert embed["title"] == "Flagged title: Toxic, Insult"
    assert embed["description"] in ("||you idiot||", "||you __**idiot**__||")
    fields = {field["name"]: field["value"] for field in embed["fields"]}
    assert fields["Opened by"] == scene.ada.mention
    assert fields["Thread"] == f"<#{thread.id}>"
    assert not card.pings
    row = (thread.id, thread.id, scene.ada.id, "title", "alerted")
    assert scene.rows(DECISIONS) == [row]


async def test_a_forum_posts_title_and_text_are_two_flags(scene: Scene) -> None:
    forum = scene.server.add_channel("questions", kind="forum")
    async with scene.bot():
        await forum.add_post("kill them", "you idiot", by=scene.ada)
        for _ in range(2):
            await scene.wire.wait_for_message(scene.log)
    assert sorted(row[3] for row in scene.rows(DECISIONS)) == ["content", "title"]


async def test_a_title_is_screened_when_it_changes_and_only_then(scene: Scene) -> None:
    async with scene.bot():
        thread = scene.general.add_thread("hello", by=scene.ada)
        await scene.wire.quiet()
        thread.rename("idiot")
        await scene.wire.wait_for_message(scene.log)
        thread.archive(False)
        thread.rename("fine")
        await scene.wire.quiet()
        thread.rename("idiot")
        await scene.wire.wait_for_message(scene.log)
        await scene.wire.quiet()
    revisions = [row[0] for row in scene.rows("SELECT revision FROM decisions ORDER BY id")]
    assert len(revisions) == 2
    assert 0 < revisions[0] < revisions[1]


async def test_a_title_that_is_changed_at_once_is_screened_as_it_was(scene: Scene) -> None:
    async with scene.bot():
        scene.general.add_thread("idiot", by=scene.ada).rename("fine")
        await scene.wire.wait_for_message(scene.log)
        scene.general.add_thread("fine", by=scene.ada).rename("idiot")
        await scene.wire.wait_for_message(scene.log)
        await scene.wire.quiet()
    posted, changed = scene.rows("SELECT revision FROM decisions ORDER BY id")
    assert posted == (0,)
    assert changed > (0,)


async def test_a_thread_that_wakes_up_under_another_title_is_screened(scene: Scene) -> None:
    async with scene.bot():
        thread = scene.general.add_thread("hello", by=scene.ada)
        thread.archive()
        thread.archive(False, name="idiot")
        await scene.wire.wait_for_message(scene.log)
        thread.archive()
        thread.archive(False)
        await scene.wire.quiet()
    assert len(scene.rows(DECISIONS)) == 1


async def test_whose_titles_are_left_alone(scene: Scene) -> None:
    vent = scene.server.add_channel("vent")
    other_bot = scene.server.add_member("otherbot", bot=True)
    async with scene.bot():
        await scene.mo.run(scene.general, "exempt add", channel=vent)
        vent.add_thread("idiot", by=scene.ada)
        scene.general.add_thread("idiot", by=scene.mo)
        scene.general.add_thread("idiot", by=other_bot)
        await scene.wire.quiet()
        assert scene.rows(DECISIONS) == []
        reply = await scene.mo.run(scene.general, "screening titles", screen=False)
        assert reply.message.content == "Titles of threads and forum posts are left alone."
        scene.general.add_thread("idiot", by=scene.ada)
        await scene.wire.quiet()
        assert scene.rows(DECISIONS) == []
        await scene.mo.run(scene.general, "screening titles", screen=True)
        scene.general.add_thread("moron", by=scene.ada)
        await scene.wire.wait_for_message(scene.log)


async def test_without_a_log_channel_the_decision_says_so(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        scene.general.add_thread("idiot", by=scene.ada)
        await scene.wire.quiet()
    assert [row[4] for row in scene.rows(DECISIONS)] == ["no_log_channel"]


async def test_a_title_never_has_a_message_deleted(scene: Scene) -> None:
    async with scene.bot():
        scene.general.add_thread("idiot", by=scene.ada)
        await scene.wire.wait_for_message(scene.log)
        await scene.wire.quiet()
        assert not [one for one in scene.wire.requests if one.method == "DELETE"]
    assert scene.rows("SELECT action FROM decisions") == [("alert",)]


@pytest.mark.skipif(not CAPTURES.exists(), reason="needs recorded payloads beside the project")
async def test_a_recorded_thread_is_taken(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    (event,) = json.loads((CAPTURES / "gateway_thread_create.json").read_text())
    async with scene.bot():
        scene.wire.send_event(
            "THREAD_CREATE",
            {
                **event["d"],
                "guild_id": str(scene.server.id),
                "parent_id": str(scene.general.id),
                "name": "you idiot",
            },
        )
        card = await scene.wire.wait_for_message(scene.log)
    assert card.embeds[0]["title"].startswith("Flagged title")
    assert "went unscreened" not in caplog.text


async def test_a_flag_that_a_crash_left_is_told_if_the_title_still_stands(scene: Scene) -> None:
    async with scene.bot():
        standing = scene.general.add_thread("idiot", by=scene.ada)
        changed = scene.general.add_thread("moron", by=scene.ada)
        gone = scene.general.add_thread("loser", by=scene.ada)
        for _ in range(3):
            await scene.wire.wait_for_message(scene.log)
    # As if it had died before the cards were posted.
    scene.change("UPDATE decisions SET id = id + 100, outcome = NULL, settled_at = NULL")
    changed.rename("lovely weather")
    gone.delete()
    async with scene.bot(log_channel=False):
        card = await scene.wire.wait_for_message(scene.log)
        assert str(standing.id) in card.texts + str(card.embeds)
        await scene.wire.quiet()
    outcomes = {row[0]: row[4] for row in scene.rows(DECISIONS)}
    assert outcomes == {
        standing.id: "alerted",
        changed.id: "message_gone",
        gone.id: "message_gone",
    }


async def test_a_title_is_told_and_never_acted_on_whatever_the_mode(scene: Scene) -> None:
    async with scene.bot():
        await enforce(scene, "insult", "timeout")
        scene.general.add_thread("you idiot", by=scene.ada)
        await scene.wire.wait_for_message(scene.log)
        await scene.wire.quiet()
        assert done_to(scene) == []
    assert scene.rows("SELECT action, mode, timeout_s FROM decisions") == [
        ("alert", "enforce", None)
    ]
