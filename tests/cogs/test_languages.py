"""Everybody is spoken to in their own language, and each server in its own."""

from tests.conftest import Scene


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
