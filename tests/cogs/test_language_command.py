"""`/language`: what is posted in a server is in the language that it chose."""

from __future__ import annotations

import json

import pytest

from sandbox.wire import CannotDo
from tests.conftest import MODERATOR, Scene
from tests.patience import until

CHOSEN = "SELECT language FROM servers"


async def flagged(scene: Scene) -> str:
    await scene.ada.post(scene.general, "you idiot")
    return str((await scene.wire.wait_for_message(scene.log)).texts)


async def test_it_is_chosen_and_left_to_discord_again(scene: Scene) -> None:
    scene.server.speak("fr")  # which nobody has translated
    async with scene.bot():
        shown = await scene.mo.run(scene.general, "language show")
        assert shown.ephemeral
        assert "is in **English**: that is the server’s language on Discord" in shown.texts
        chosen = await scene.mo.run(scene.general, "language set", language="de")
        assert chosen.ephemeral
        assert "is in **Deutsch**, as chosen here" in chosen.texts
        assert "Markiert: " in await flagged(scene)
    # From the first message after a start.
    async with scene.bot(log_channel=False):
        assert "Markiert: " in await flagged(scene)
        scene.mo.speak("de")
        reset = await scene.mo.run(scene.general, "language reset")
        assert "in der Sprache **English**" in reset.texts  # answered in the asking member's own
        assert "Flagged: " in await flagged(scene)
        scene.server.speak("de")
        assert "Markiert: " in await flagged(scene)
    assert scene.rows(CHOSEN) == [(None,)]


async def test_a_card_stays_in_the_language_in_which_it_was_posted(scene: Scene) -> None:
    async with scene.bot():
        message = await scene.ada.post(scene.general, "you idiot")
        card = await scene.wire.wait_for_message(scene.log)
        await until(lambda: scene.rows("SELECT language FROM cards") == [("en",)])
        await scene.mo.run(scene.general, "language set", language="de")
        await scene.mo.click(card, "Uphold")
        await scene.wire.wait_until(lambda: "**Upheld** by" in card.content, what="the verdict")
        assert [button["label"] for button in card.buttons] == ["Delete", "Timeout…", "Undo"]
    async with scene.bot(log_channel=False):
        await message.delete()
        await scene.wire.wait_until(lambda: "Message deleted" in card.content, what="the deletion")
        assert [button["label"] for button in card.buttons] == ["Timeout…", "Undo"]
        await scene.wire.quiet()
    # One of which that is not known is spoken of in the language of now.
    scene.change("UPDATE cards SET language = NULL")
    async with scene.bot(log_channel=False):
        await scene.mo.click(card, "Undo")
        await scene.wire.wait_until(lambda: "zurückgenommen" in card.content, what="the undoing")


async def test_another_server_keeps_its_own(scene: Scene) -> None:
    other = scene.wire.add_server("Other")
    hall = other.add_channel("hall")
    bea, mel = other.add_member("bea"), other.add_member("mel", permissions=MODERATOR)
    async with scene.bot():
        await mel.run(hall, "logchannel set", channel=hall)
        await scene.mo.run(scene.general, "language set", language="de")
        await bea.post(hall, "you idiot")
        card = await scene.wire.wait_for_message(hall, where=lambda one: "Flagged" in one.texts)
        assert "Flagged: " in card.texts
        assert "Markiert: " in await flagged(scene)


async def test_it_is_part_of_the_settings_file(scene: Scene) -> None:
    async with scene.bot():
        raw = json.dumps({"hexward_settings": 1, "language": "de"}).encode()
        shown = await scene.mo.run(
            scene.general, "settings import", force=True, file=("a.json", raw)
        )
        assert "**Language of what I post**: as on Discord → Deutsch" in shown.texts
        await scene.mo.click(shown.message, "Apply")
        await scene.wire.wait_until(lambda: not shown.message.buttons)
        assert "Markiert: " in await flagged(scene)
        raw = json.dumps({"hexward_settings": 1, "language": "tlh"}).encode()
        refused = await scene.mo.run(
            scene.general, "settings import", force=True, file=("a.json", raw)
        )
        assert '“language” cannot be "tlh". Possible: null, or one of en, de.' in refused.texts


async def test_what_is_no_language_is_named_with_those_there_are(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        wrong = await scene.mo.run(scene.general, "language set", language="*Klingon*", force=True)
        assert "“\\*Klingon\\*” is not a language that I speak" in wrong.texts
        assert "I speak: English, Deutsch." in wrong.texts
        typed = await scene.mo.run(scene.general, "language set", language="deutsch", force=True)
        assert "is in **Deutsch**" in typed.texts


async def test_for_those_who_manage_the_server_only(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        with pytest.raises(CannotDo):
            await scene.ada.run(scene.general, "language show")
        refused = await scene.ada.run(scene.general, "language set", language="de", force=True)
    assert "Manage Server" in refused.texts
    assert scene.rows(CHOSEN) == []
