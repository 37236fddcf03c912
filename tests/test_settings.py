from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.settings import Settings, load_settings

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789AB"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_nothing_set_means_the_sandbox_and_a_local_file() -> None:
    settings = load_settings(None)
    assert settings.token is None
    assert settings.database_url.endswith("data/hexward.db")


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text(f"DISCORD_TOKEN={TOKEN}\nLOG_LEVEL=debug\nMODEL=\nUNRELATED=1\n")
    monkeypatch.setenv("LOG_LEVEL", "warning")
    settings = load_settings(file)
    assert settings.token == TOKEN
    assert settings.log_level == "WARNING"
    assert settings.model is None


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LOG_LEVEL", "loud", "'INFO'"),
        ("MODEL_THREADS", "0", "greater than or equal to 1"),
        ("MODEL_THREADS", "two", "valid integer"),
        ("CATCH_UP_HOURS", "-1", "greater than or equal to 0"),
        ("CATCH_UP_HOURS", "1000", "less than or equal to 168"),
        ("METRICS_PORT", "0", "greater than or equal to 1"),
        ("METRICS_PORT", "70000", "less than or equal to 65535"),
        ("QUEUE_MESSAGES", "-5", "greater than or equal to 1"),
        ("SANDBOX_PORT", "70000", "less than or equal to 65535"),
        ("PRIVACY_CONTACT", "x" * 201, "at most 200"),
        ("PRIVACY_CONTACT", "two\nlines", "one line of text"),
        ("PRIVACY_POLICY_URL", "example.org", "https://"),
        ("DISCORD_API_URL", "discord.test/api", "http://"),
        ("DISCORD_GATEWAY_URL", "http://127.0.0.1", "ws://"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings(None)
    message = str(caught.value)
    assert name in message
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize("token", [f"Bot {TOKEN}", "two words", "tökén"])
def test_a_wrong_token_is_refused_without_repeating_it(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", token)
    with pytest.raises(SettingsError, match="DISCORD_TOKEN") as caught:
        load_settings(None)
    assert token not in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_one_address_without_the_other_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    monkeypatch.setenv("DISCORD_API_URL", "http://127.0.0.1:3001/api/v10")
    with pytest.raises(SettingsError, match="DISCORD_GATEWAY_URL is not"):
        load_settings(None)
    monkeypatch.setenv("DISCORD_GATEWAY_URL", "ws://127.0.0.1:3001/")
    assert load_settings(None).discord_gateway_url == "ws://127.0.0.1:3001"


def test_addresses_without_a_token_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_API_URL", "http://127.0.0.1:3001/api/v10")
    monkeypatch.setenv("DISCORD_GATEWAY_URL", "ws://127.0.0.1:3001/")
    with pytest.raises(SettingsError, match="DISCORD_TOKEN is not"):
        load_settings(None)


def test_the_token_is_not_in_what_is_printed_of_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    settings = load_settings(None)
    assert TOKEN not in repr(settings)
    assert TOKEN not in settings.model_dump_json()


def test_every_setting_is_in_the_example() -> None:
    example = (Path(__file__).parent.parent / ".env.example").read_text()
    offered = {
        line.split("=")[0] for line in example.splitlines() if "=" in line and line[0] != "#"
    }
    assert offered == {name.upper() for name in Settings.model_fields}
