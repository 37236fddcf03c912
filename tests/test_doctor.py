"""The doctor against a server that answers, with and without what the bot needs."""

import pytest

from bot.doctor import examine
from tests.conftest import Scene


@pytest.fixture
def on_the_wire(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    settings = scene.settings
    monkeypatch.setenv("DISCORD_TOKEN", settings.token or "")
    monkeypatch.setenv("DISCORD_API_URL", settings.discord_api_url or "")
    monkeypatch.setenv("DISCORD_GATEWAY_URL", settings.discord_gateway_url or "")
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("MODEL", settings.model or "")
    scene.log.set_permissions(scene.server.everyone, view_channel=False)
    scene.log.set_permissions(scene.server.bot_role, view_channel=True)
    scene.log.set_permissions(scene.mo, view_channel=True)
    return scene


async def test_a_healthy_server_has_nothing_bad(
    on_the_wire: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    async with on_the_wire.bot():
        pass  # chooses the log channel
    assert await examine(offline=False) == 0
    output = capsys.readouterr().out
    assert "connected as" in output
    assert "permissions and log channel are right" in output
    assert "Nothing is wrong." in output


async def test_missing_permissions_are_named_with_channel_and_remedy(
    on_the_wire: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    async with on_the_wire.bot():
        pass
    on_the_wire.log.set_permissions(on_the_wire.server.bot, embed_links=False)
    secret = on_the_wire.server.add_channel("secret")
    secret.set_permissions(on_the_wire.server.bot, view_channel=False)
    assert await examine(offline=False) == 1
    output = capsys.readouterr().out
    assert "Alerts belong in #mod-log, but there I lack Embed Links" in output
    assert "I cannot see #secret, so nothing there is screened" in output
    assert "Give my role" in output
    assert "<#" not in output


async def test_a_deleted_log_channel_is_bad(
    on_the_wire: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    async with on_the_wire.bot():
        pass
    on_the_wire.change("UPDATE servers SET log_channel_id = 123456789012345678")
    assert await examine(offline=False) == 1
    assert "log channel is gone" in capsys.readouterr().out


async def test_a_missing_intent_is_bad(
    on_the_wire: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    on_the_wire.wire.approved_intents.message_content = False
    assert await examine(offline=False) == 1
    assert "Message Content Intent" in capsys.readouterr().out


async def test_a_server_that_is_not_there_is_bad(
    on_the_wire: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DISCORD_API_URL", "http://127.0.0.1:9/api/v10")
    assert await examine(offline=False) == 1
    output = capsys.readouterr().out
    assert "DISCORD_API_URL" in output
    assert "Traceback" not in output


async def test_intents_that_are_refused_are_named_and_the_rest_is_looked_at(
    on_the_wire: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMBERS_INTENT", "true")
    on_the_wire.wire.approved_intents.message_content = False
    on_the_wire.wire.approved_intents.members = False
    async with on_the_wire.bot():
        pass
    assert await examine(offline=False) == 1
    output = capsys.readouterr().out
    assert "Discord refuses Message Content" in output
    assert "names are not screened" in output
    assert "permissions and log channel are right" in output


async def test_a_mode_that_was_chosen_is_named(
    on_the_wire: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESSAGE_CONTENT", "off")
    async with on_the_wire.bot():
        pass
    assert await examine(offline=False) == 0
    assert "MESSAGE_CONTENT is off" in capsys.readouterr().out


async def test_a_required_intent_that_is_refused_is_bad(
    on_the_wire: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESSAGE_CONTENT", "required")
    on_the_wire.wire.approved_intents.message_content = False
    assert await examine(offline=False) == 1
    assert "Message Content Intent" in capsys.readouterr().out
