"""`/setup`: the panel as a moderator uses it, alone, beside another one and after a restart."""

from __future__ import annotations

import json
from typing import Any

import discord
import pytest

from sandbox.wire import CannotDo, Message, Reply
from tests.conftest import MODERATOR, Scene

SETTINGS = "SELECT preset, mode, log_channel_id, exempt_moderators, exempt_bots FROM servers"
EXEMPTIONS = "SELECT kind, target_id FROM exemptions ORDER BY target_id"
ACTIONS = "SELECT label, action, timeout_s FROM actions ORDER BY label"
PREFIX = "hexward:setup:"


async def opened(scene: Scene, by: Any = None) -> Message:
    reply = await (by or scene.mo).run(scene.general, "setup")
    assert reply.ephemeral
    assert reply.deferred
    assert reply.message is not None
    return reply.message


def drawn(scene: Scene) -> int:
    """How often panels were drawn again, as every choice ends."""
    return sum(
        one.method == "PATCH" and one.path.endswith("/messages/@original")
        for one in scene.wire.requests
    )


async def pick(scene: Scene, panel: Message, part: str, *values: Any, by: Any = None) -> Reply:
    before = drawn(scene)
    reply: Reply = await (by or scene.mo).select(panel, values, custom_id=PREFIX + part)
    await scene.wire.wait_until(lambda: drawn(scene) > before, what=f"{part} chosen")
    return reply


async def press(scene: Scene, panel: Message, part: str, by: Any = None) -> Reply:
    before = drawn(scene)
    reply: Reply = await (by or scene.mo).click(panel, custom_id=PREFIX + part)
    await scene.wire.wait_until(lambda: drawn(scene) > before, what=f"{part} pressed")
    return reply


async def shows(scene: Scene, panel: Message, words: str) -> None:
    await scene.wire.wait_until(lambda: words in panel.texts, what=f"{words!r}: {panel.texts}")


def walk(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for part in parts:
        found += [part, *walk(part.get("components") or [])]
    return found


def defaults(panel: Message, part: str) -> list[str]:
    """What a menu shows as chosen: ids, or values of its options."""
    (found,) = [one for one in walk(panel.components) if one.get("custom_id") == PREFIX + part]
    if "options" in found:
        return [option["value"] for option in found["options"] if option.get("default")]
    return [str(default["id"]) for default in found.get("default_values") or []]


async def test_the_language_of_what_is_posted_is_chosen(scene: Scene) -> None:
    async with scene.bot():
        panel = await opened(scene)
        assert defaults(panel, "language") == ["discord"]
        for choice, row in (("de", "de"), ("discord", None), ("de", "de")):
            await pick(scene, panel, "language", choice)
            assert defaults(panel, "language") == [choice]
            assert scene.rows("SELECT language FROM servers") == [(row,)]
        assert "Set up Hexward" in panel.texts  # who chooses is answered in their own
        await scene.ada.post(scene.general, "you idiot")
        assert "Markiert: " in (await scene.wire.wait_for_message(scene.log)).texts


async def test_a_new_server_is_set_up_from_top_to_bottom(scene: Scene) -> None:
    scene.log.set_permissions(scene.server.everyone, view_channel=False)
    scene.log.set_permissions(scene.server.bot_role, view_channel=True)
    scene.log.set_permissions(scene.mo, view_channel=True)
    async with scene.bot(log_channel=False):
        panel = await opened(scene)
        assert "No log channel is set" in panel.texts
        assert "**Observing**" in panel.texts
        assert defaults(panel, "preset") == ["balanced"]
        assert defaults(panel, "actions") == ["alert"]
        assert defaults(panel, "mode") == ["observe"]
        await pick(scene, panel, "log", scene.log)
        await shows(scene, panel, f"Alerts are posted in {scene.log.mention}")
        await pick(scene, panel, "preset", "strict")
        await pick(scene, panel, "actions", "delete-worst")
        await pick(scene, panel, "mode", "enforce")
        await shows(scene, panel, "**Enforcing**")
        friends = scene.server.add_role("friends")
        await pick(scene, panel, "roles", friends)
        await pick(scene, panel, "channels", scene.general)
        await press(scene, panel, "moderators-off")
        await shows(scene, panel, "Members who can manage messages are screened")
        await press(scene, panel, "bots-off")
        await shows(scene, panel, "Other bots and webhooks are screened.")
        assert defaults(panel, "log") == [str(scene.log.id)]
        assert defaults(panel, "preset") == ["strict"]
        assert defaults(panel, "actions") == ["delete-worst"]
        assert defaults(panel, "mode") == ["enforce"]
        assert defaults(panel, "roles") == [str(friends.id)]
        assert defaults(panel, "channels") == [str(scene.general.id)]
    assert scene.rows(SETTINGS) == [("strict", "enforce", scene.log.id, 0, 0)]
    assert scene.rows(EXEMPTIONS) == sorted(
        [("role", friends.id), ("channel", scene.general.id)], key=lambda row: row[1]
    )
    assert ("threat", "delete", None) in scene.rows(ACTIONS)
    assert ("toxic", "alert", None) in scene.rows(ACTIONS)


async def test_the_test_message_goes_the_whole_way_and_counts_nowhere(scene: Scene) -> None:
    async with scene.bot():
        await scene.mo.run(scene.general, "mode enforce")
        await scene.mo.run(scene.general, "actions set", label="toxic", action="delete")
        panel = await opened(scene)
        reply = await press(scene, panel, "try")
        card = await scene.wire.wait_for_message(scene.log)
        told = (await reply.followup()).texts
    assert card.embeds[0]["title"] == "Test: Toxic, Insult"
    assert "There is no such message" in card.texts
    assert card.buttons == []
    assert "**Test message** · Flagged, and [shown on a card](http" in told
    assert f"/{scene.log.id}/{card.id}) after" in told
    assert "**Model**" in told
    assert scene.rows("SELECT count(*) FROM decisions") == [(0,)]


async def test_what_keeps_the_test_from_being_shown_is_told(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        panel = await opened(scene)
        told = (await (await press(scene, panel, "try")).followup()).texts
        assert "I cannot post alerts yet" in told
        for label in ("toxic", "insult"):
            await scene.mo.run(scene.general, "actions set", label=label, action="log")
        told = (await (await press(scene, panel, "try")).followup()).texts
        assert "are logged, not shown" in told
        for label in ("toxic", "insult"):
            await scene.mo.run(scene.general, "thresholds set", label=label, value=0.99)
        told = (await (await press(scene, panel, "try")).followup()).texts
        assert "got 0.97 for Toxic, and is flagged here from 0.99 on" in told
    assert scene.log.bot_messages == []


async def test_the_last_part_counts_what_the_first_one_says(scene: Scene) -> None:
    well = "I have every permission I need"
    scene.log.set_permissions(scene.server.everyone, view_channel=False)
    scene.log.set_permissions(scene.server.bot_role, view_channel=True)
    scene.log.set_permissions(scene.mo, view_channel=True)
    async with scene.bot():
        assert well in (await opened(scene)).texts
        scene.log.set_permissions(scene.server.bot, send_messages=False)
        panel = await opened(scene)
        assert "there I lack Send Messages and Embed Links, so nobody sees" in panel.texts
        assert "→ Give my role that in the channel’s own permissions" in panel.texts
        assert "❌ Alerts cannot be posted: see 1." in panel.texts
        assert well not in panel.texts
        scene.log.delete()
        panel = await opened(scene)
        assert "❌ Alerts cannot be posted: see 1." in panel.texts
        assert well not in panel.texts


async def test_two_panels_do_not_undo_each_other(scene: Scene) -> None:
    mia = scene.server.add_member("mia", permissions=MODERATOR)
    red, blue, green = (scene.server.add_role(name) for name in ("red", "blue", "green"))
    async with scene.bot():
        await scene.mo.run(scene.general, "exempt add", role=red)
        first, second = await opened(scene), await opened(scene, mia)
        await pick(scene, first, "roles", red, blue)
        await pick(scene, first, "preset", "strict")
        # Mia's panel still shows red alone, and the old preset.
        await pick(scene, second, "roles", green, by=mia)
        await pick(scene, second, "mode", "enforce", by=mia)
        assert sorted(defaults(second, "roles")) == sorted([str(blue.id), str(green.id)])
        assert defaults(second, "preset") == ["strict"]
    assert {target for _, target in scene.rows(EXEMPTIONS)} == {blue.id, green.id}
    assert scene.rows(SETTINGS)[0][:2] == ("strict", "enforce")


async def test_a_panel_works_after_a_restart(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        panel = await opened(scene)
    async with scene.bot(log_channel=False):
        await pick(scene, panel, "preset", "relaxed")
        assert defaults(panel, "preset") == ["relaxed"]
    assert scene.rows(SETTINGS)[0][0] == "relaxed"


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en-GB", ("2 more exemptions", "1 threshold was set by hand", "and 2 more")),
        ("de", ("2 weitere Ausnahmen", "1 Schwelle ist von Hand gesetzt", "und 2 weitere")),
    ],
)
async def test_the_fullest_panel_fits_into_a_message(
    scene: Scene, locale: str, words: tuple[str, ...]
) -> None:
    roles = [scene.server.add_role(f"role {number}") for number in range(27)]
    for number in range(12):
        hidden = scene.server.add_channel(f"hidden-{number}")
        hidden.set_permissions(scene.server.bot, view_channel=False)
    scene.server.bot_role.set_permissions(MODERATOR | discord.Permissions(manage_channels=True))
    async with scene.bot(log_channel=False):
        await scene.mo.run(scene.general, "thresholds set", label="toxic", value=0.9)
    rows = ", ".join(f"({scene.server.id}, 'role', {role.id})" for role in roles)
    scene.change(f"INSERT INTO exemptions VALUES {rows}")
    scene.mo.speak(locale)
    async with scene.bot(log_channel=False):
        panel = await opened(scene)
    parts = walk(panel.components)
    assert len(parts) <= 40
    assert sum(len(part.get("content", "")) for part in parts) <= 4_000
    assert len(defaults(panel, "roles")) == 25
    for said in words:
        assert said in panel.texts
    # What Discord allows at most on a button, and in a select that nothing is chosen in yet.
    assert all(len(part["label"]) <= 80 for part in parts if "label" in part)
    assert all(len(part["placeholder"]) <= 150 for part in parts if "placeholder" in part)


async def test_a_channel_in_which_nothing_can_be_posted_is_not_taken(scene: Scene) -> None:
    async with scene.bot():
        panel = await opened(scene)
        quiet = scene.server.add_channel("quiet")
        quiet.set_permissions(scene.server.bot, send_messages=False)
        reply = await pick(scene, panel, "log", quiet)
        told = (await reply.followup()).texts
        assert "there I lack Send Messages and Embed Links. Nothing was changed" in told
        assert defaults(panel, "log") == [str(scene.log.id)]
    assert scene.rows(SETTINGS)[0][2] == scene.log.id


async def test_who_lost_the_permission_is_refused(scene: Scene) -> None:
    role = scene.server.add_role("deputies", MODERATOR)
    deputy = scene.server.add_member("deputy", roles=[role])
    async with scene.bot():
        panel = await opened(scene, deputy)
        deputy.take_role(role)
        reply = await pick(scene, panel, "mode", "enforce", by=deputy)
        assert "Manage Server" in (await reply.followup()).texts
        with pytest.raises(CannotDo):
            await scene.ada.run(scene.general, "setup")
    assert scene.rows(SETTINGS)[0][1] == "observe"


class TestMakingAChannel:
    @pytest.fixture
    def boss(self, scene: Scene) -> Any:
        power = MODERATOR | discord.Permissions(manage_channels=True)
        return scene.server.add_member("boss", permissions=power)

    async def test_it_is_for_moderators_only(self, scene: Scene, boss: Any) -> None:
        async with scene.bot(log_channel=False):
            panel = await opened(scene, boss)
            reply = await press(scene, panel, "make", boss)
            assert "which only moderators can read" in (await reply.followup()).texts
            made = scene.server.find_channel("hexward-alerts")
            assert made is not None
            await shows(scene, panel, f"Alerts are posted in {made.mention}")
            assert PREFIX + "make" not in json.dumps(panel.components)
            allowed = scene.wire.world.backend.compute_permissions
            sees = {
                member.name: discord.Permissions(
                    allowed(scene.server.id, member.id, made.id)
                ).view_channel
                for member in (scene.ada, scene.mo, boss)
            }
            assert sees == {"ada": False, "mo": True, "boss": True}
            (entry,) = [one for one in scene.server.audit_log if one["action_type"] == 10]
            assert entry["reason"] == f"Hexward /setup; by boss ({boss.id})"

    async def test_two_who_ask_get_one(self, scene: Scene, boss: Any) -> None:
        async with scene.bot(log_channel=False):
            first, second = await opened(scene, boss), await opened(scene, boss)
            await (await press(scene, first, "make", boss)).followup()
            told = (await (await press(scene, second, "make", boss)).followup()).texts
        assert "already. Nothing was done" in told
        assert [one.name for one in scene.server.channels].count("hexward-alerts") == 1

    async def test_one_that_was_made_and_not_chosen_is_taken(self, scene: Scene, boss: Any) -> None:
        async with scene.bot(log_channel=False):
            await (await press(scene, await opened(scene, boss), "make", boss)).followup()
            made = scene.server.find_channel("hexward-alerts")
            assert made is not None
        # As if a stop had come between.
        scene.change("UPDATE servers SET log_channel_id = NULL")
        async with scene.bot(log_channel=False):
            panel = await opened(scene, boss)
            await (await press(scene, panel, "make", boss)).followup()
            await shows(scene, panel, f"Alerts are posted in {made.mention}")
        assert [one.name for one in scene.server.channels].count("hexward-alerts") == 1

    async def test_it_needs_the_permission_on_both_sides(self, scene: Scene, boss: Any) -> None:
        async with scene.bot(log_channel=False):
            told = (await (await press(scene, await opened(scene), "make")).followup()).texts
            assert "You need the permission Manage Channels" in told
            panel = await opened(scene, boss)
            scene.server.bot_role.set_permissions(MODERATOR)
            await scene.wire.quiet()
            told = (await (await press(scene, panel, "make", boss)).followup()).texts
            assert "I lack Manage Channels" in told
            assert PREFIX + "make" not in json.dumps((await opened(scene)).components)
