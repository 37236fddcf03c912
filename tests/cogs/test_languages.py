"""Everybody is spoken to in their own language, and each server in its own."""

from tests.conftest import MODERATOR, Scene


async def test_commands_are_registered_with_german_names(scene: Scene) -> None:
    async with scene.bot(log_channel=False):
        (registered,) = [r for r in scene.wire.requests if r.method == "PUT"]
    commands = {command["name"]: command for command in registered.body}
    thresholds = commands["thresholds"]
    assert thresholds["name_localizations"] == {"de": "schwellen"}
    assert thresholds["description_localizations"]["de"]
    set_one = next(one for one in thresholds["options"] if one["name"] == "set")
    assert set_one["name_localizations"] == {"de": "setzen"}
    label = next(one for one in set_one["options"] if one["name"] == "label")
    assert label["name_localizations"] == {"de": "merkmal"}
    threat = next(one for one in label["choices"] if one["value"] == "threat")
    assert threat["name"] == "Threat"
    assert threat["name_localizations"] == {"de": "Drohung"}
    assert commands["Check message"]["name_localizations"] == {"de": "Nachricht prüfen"}


async def test_a_moderator_is_answered_in_their_own_language(scene: Scene) -> None:
    async with scene.bot():
        scene.mo.speak("de")
        reply = await scene.mo.run(scene.general, "thresholds set", label="threat", value=0.55)
        assert reply.ephemeral
        assert "**Drohung** wird jetzt ab **0.55** markiert" in reply.texts
        shown = (await scene.mo.run(scene.general, "thresholds show")).texts
        assert "Drohung" in shown
        assert "0.55 (0.70)" in shown
        assert "In Klammern: der Wert der Vorlage." in shown
        assert "Vorlage ausgewogen, 1 von Hand gesetzt" in shown

        scene.mo.speak("fr")  # which nobody has translated
        shown = (await scene.mo.run(scene.general, "thresholds show")).texts
        assert "Preset balanced, 1 set by hand" in shown


async def test_who_reads_german_is_told_that_the_model_does_not(scene: Scene) -> None:
    async with scene.bot():
        scene.mo.speak("de")
        for command, values in (("check", {"text": "Guten Tag"}), ("setup", {})):
            told = (await scene.mo.run(scene.general, command, **values)).texts
            assert "Das Modell versteht nur Englisch" in told


async def test_refusals_are_translated_too(scene: Scene) -> None:
    async with scene.bot():
        scene.mo.speak("de")
        wrong = await scene.mo.run(
            scene.general, "actions set", label="x", action="log", force=True
        )
        assert "„x“ ist kein Merkmal. Die Merkmale sind: Toxisch," in wrong.texts
        typed = await scene.mo.run(
            scene.general, "actions set", label="Drohung", action="melden", force=True
        )
        assert "**Drohung**: melden." in typed.texts
        scene.ada.speak("de")
        refused = await scene.ada.run(scene.general, "thresholds show", force=True)
        assert "die Berechtigung „Server verwalten“" in refused.texts


async def test_autocompletion_offers_what_the_member_would_say(scene: Scene) -> None:
    async with scene.bot():
        scene.mo.speak("de")
        offered = await scene.mo.autocomplete(
            scene.general, "actions set", "duration", "2", label="toxic", action="timeout"
        )
        assert {one["name"]: one["value"] for one in offered} == {
            "2 Minuten": "2m",
            "2 Stunden": "2h",
            "2 Tage": "2d",
        }


async def test_a_card_is_in_the_language_of_its_server(scene: Scene) -> None:
    scene.server.speak("de")
    async with scene.bot():
        await scene.ada.post(scene.general, "you idiot")
        card = await scene.wire.wait_for_message(scene.log)
        assert "Markiert: " in card.texts
        assert [part["label"] for part in card.components[0]["components"]] == [
            "Bestätigen",
            "Fehlalarm",
            "Löschen",
            "Timeout …",
        ]
        # Its moderator's Discord is in English, and so is what only they see.
        shown = await scene.mo.run(scene.general, "mode show")
        assert "This server **observes**" in shown.texts


async def test_a_button_answers_who_clicks_and_keeps_the_cards_language(scene: Scene) -> None:
    scene.server.speak("de")
    async with scene.bot():
        await scene.ada.post(scene.general, "you idiot")
        card = await scene.wire.wait_for_message(scene.log)
    zoe = scene.server.add_member("zoe", permissions=MODERATOR)
    zoe.speak("de")
    async with scene.bot(log_channel=False):
        asked = await scene.mo.click(card, "Timeout …")
        assert "You need the permission Timeout Members" in asked.texts
        await scene.mo.click(card, "Bestätigen")  # clicked in English, told in German
        await scene.wire.wait_until(lambda: "Bestätigt" in card.texts)
        refused = await zoe.click(card, "Timeout …")
        assert "Dazu brauchst du" in refused.texts


async def test_one_servers_language_is_not_spoken_in_another(scene: Scene) -> None:
    scene.server.speak("de")
    other = scene.wire.add_server("Other")
    hall, log = other.add_channel("hall"), other.add_channel("log")
    bea, mel = other.add_member("bea"), other.add_member("mel", permissions=MODERATOR)
    async with scene.bot():
        await mel.run(hall, "logchannel set", channel=log)
        await scene.ada.post(scene.general, "you idiot")
        await bea.post(hall, "you idiot")
        german = await scene.wire.wait_for_message(scene.log)
        english = await scene.wire.wait_for_message(log)
        assert "Markiert: " in german.texts
        assert "Flagged: " in english.texts
        await scene.mo.click(german, "Bestätigen")
        await mel.click(english, "Uphold")
        await scene.wire.wait_until(lambda: "Bestätigt" in german.texts)
        await scene.wire.wait_until(lambda: "Upheld" in english.texts)
