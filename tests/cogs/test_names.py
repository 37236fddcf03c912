"""Names of members: on joining and on change, where the intent and the server allow it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.chat import crowds, posting
from tests.conftest import Scene

NAMES = "SELECT channel_id, message_id, author_id, surface FROM decisions ORDER BY id"
CAPTURES = Path(__file__).parents[2].parent / "shared" / "discord" / "captures"


@pytest.fixture
def with_members(scene: Scene) -> Scene:
    """The bot asks for the Server Members intent."""
    scene.settings = scene.settings.model_copy(update={"members_intent": True})
    return scene


async def test_a_name_is_flagged_on_joining_and_on_change(with_members: Scene) -> None:
    scene = with_members
    async with scene.bot():
        reply = await scene.mo.run(scene.general, "screening names", screen=True)
        assert reply.message.content.startswith("Names are screened")
        newcomer = scene.server.add_member("idiot")
        card = await scene.wire.wait_for_message(scene.log)
        assert card.embeds[0]["title"] == "Flagged display name: Toxic, Insult"
        assert card.embeds[0]["description"] == "||idiot||"
        fields = {field["name"]: field["value"] for field in card.embeds[0]["fields"]}
        assert fields["Member"] == newcomer.mention
        scene.ada.rename("kill them")
        card = await scene.wire.wait_for_message(scene.log)
        assert card.embeds[0]["title"] == "Flagged nickname: Toxic, Threat"
    assert scene.rows(NAMES) == [
        (scene.server.id, newcomer.id, newcomer.id, "display-name"),
        (scene.server.id, scene.ada.id, scene.ada.id, "nickname"),
    ]


async def test_the_name_that_is_shown_is_the_one_that_is_screened(with_members: Scene) -> None:
    scene = with_members
    async with scene.bot():
        await scene.mo.run(scene.general, "screening names", screen=True)
        user = scene.wire.world.backend.users[scene.ada.id]
        user.global_name, user.name = "idiot", "moron"
        scene.ada.rename("fine")
        await scene.wire.quiet()
        assert scene.rows(NAMES) == []
        scene.ada.rename(None)
        await scene.wire.wait_for_message(scene.log)
    assert [row[3] for row in scene.rows(NAMES)] == ["display-name"]


async def test_a_change_of_roles_is_no_change_of_the_name(with_members: Scene) -> None:
    scene = with_members
    role = scene.server.add_role("helpers")
    async with scene.bot():
        await scene.mo.run(scene.general, "screening names", screen=True)
        scene.ada.rename("idiot")
        await scene.wire.wait_for_message(scene.log)
        scene.ada.give_role(role)
        scene.ada.take_role(role)
        await scene.wire.quiet()
        assert len(scene.rows(NAMES)) == 1
        scene.ada.rename("fine")
        await scene.wire.quiet()
        scene.ada.rename("idiot")
        await scene.wire.wait_for_message(scene.log)
    assert len(scene.rows(NAMES)) == 2


async def test_names_are_off_until_a_server_wants_them(with_members: Scene) -> None:
    scene = with_members
    async with scene.bot():
        scene.server.add_member("idiot")
        scene.ada.rename("idiot")
        await scene.wire.quiet()
        await scene.mo.run(scene.general, "screening names", screen=True)
        scene.mo.rename("idiot")
        scene.server.add_member("otheridiot", bot=True)
        await scene.wire.quiet()
    assert scene.rows(NAMES) == []


async def test_a_server_that_wants_names_is_told_what_is_missing(scene: Scene) -> None:
    async with scene.bot():
        reply = await scene.mo.run(scene.general, "screening names", screen=True)
        assert "cannot be" in reply.message.content
        assert "MEMBERS_INTENT=true" in reply.message.content
        scene.server.add_member("idiot")
        await scene.wire.quiet()
        reply = await scene.mo.run(scene.general, "screening show")
        assert "cannot be" in reply.message.content
    assert scene.rows(NAMES) == []


async def test_a_refused_members_intent_costs_nothing_but_names(
    with_members: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene = with_members
    scene.wire.approved_intents.members = False
    async with scene.bot():
        await scene.ada.post(scene.general, "idiot")
        await scene.wire.wait_for_message(scene.log)
        reply = await scene.mo.run(scene.general, "screening names", screen=True)
        assert "Server Members" in reply.message.content
    assert "refuses the Server Members intent" in caplog.text


async def test_a_crowd_of_names_is_told_in_a_line(
    with_members: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = with_members
    monkeypatch.setattr(crowds, "SUM_UP_EVERY_S", 0.2)
    monkeypatch.setattr(posting, "MOST_PENDING", 2)
    async with scene.bot():
        await scene.mo.run(scene.general, "screening names", screen=True)
        scene.wire.faults.slow(0.3, "POST", f"/channels/{scene.log.id}/messages", times=2)
        for number in range(6):
            scene.server.add_member(f"idiot {number}")
        line = await scene.wire.wait_for_message(
            scene.log, where=lambda message: "more titles and names" in message.content
        )
        assert line.content.startswith("4 more")
    assert scene.rows("SELECT outcome, count(*) FROM decisions GROUP BY outcome") == [
        ("alerted", 2),
        ("crowded_out", 4),
    ]


@pytest.mark.skipif(not CAPTURES.exists(), reason="needs recorded payloads beside the project")
async def test_a_recorded_change_of_a_member_is_taken(with_members: Scene) -> None:
    scene = with_members
    (event,) = json.loads((CAPTURES / "gateway_guild_member_update.json").read_text())
    async with scene.bot():
        await scene.mo.run(scene.general, "screening names", screen=True)
        shape = {**event["d"], "guild_id": str(scene.server.id), "nick": "idiot"}
        scene.wire.send_event("GUILD_MEMBER_UPDATE", shape)
        await scene.wire.wait_for_message(scene.log)
    assert [row[3] for row in scene.rows(NAMES)] == ["nickname"]


async def test_a_flag_that_a_crash_left_is_told_if_the_name_is_still_worn(
    with_members: Scene,
) -> None:
    scene = with_members
    ben = scene.server.add_member("ben")
    async with scene.bot():
        await scene.mo.run(scene.general, "screening names", screen=True)
        for member in (scene.ada, ben):
            member.rename("idiot")
            await scene.wire.wait_for_message(scene.log)
    # As if it had died before the cards were posted.
    scene.change("UPDATE decisions SET id = id + 100, outcome = NULL, settled_at = NULL")
    ben.rename("fine")
    async with scene.bot(log_channel=False):
        await scene.wire.wait_for_message(scene.log)
        await scene.wire.quiet()
    outcomes = dict(scene.rows("SELECT author_id, outcome FROM decisions"))
    assert outcomes == {scene.ada.id: "alerted", ben.id: "message_gone"}


async def test_a_change_that_leaves_the_roles_out_takes_none_away(with_members: Scene) -> None:
    """As other servers than Discord may send it."""
    scene = with_members
    friends = scene.server.add_role("friends")
    scene.ada.give_role(friends)
    ben = scene.server.add_member("ben")

    def changed(user_id: int, **fields: Any) -> None:
        user = {"id": str(user_id), "username": "whoever", "discriminator": "0", "avatar": None}
        shape = {"guild_id": str(scene.server.id), "user": user, "joined_at": None, **fields}
        scene.wire.send_event("GUILD_MEMBER_UPDATE", shape)

    async with scene.bot():
        await scene.mo.run(scene.general, "screening names", screen=True)
        await scene.mo.run(scene.general, "exempt add", role=friends)
        await scene.mo.run(scene.general, "actions set", label="insult", action="delete")
        changed(scene.wire.bot_id, nick="Bot")
        enforcing = await scene.mo.run(scene.general, "mode enforce")
        assert "lack" not in enforcing.texts
        scene.wire.world.muted = True
        for member in (scene.ada, ben):
            member.rename("idiot")
        scene.wire.world.muted = False
        for member in (scene.ada, ben):
            changed(member.id, nick="idiot")
        card = await scene.wire.wait_for_message(scene.log)
        assert ben.mention in card.texts
        await scene.wire.quiet()
    assert [row[2] for row in scene.rows(NAMES)] == [ben.id]
