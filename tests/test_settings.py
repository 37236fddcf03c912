from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.settings import Settings, load_settings, strangers

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
        ("LOG_LEVEL", "loud", "one of DEBUG, INFO, WARNING, ERROR, but is 'loud'"),
        ("MODEL_THREADS", "0", "a whole number from 1 to 64, but is '0'"),
        ("MODEL_THREADS", "two", "a whole number from 1 to 64, but is 'two'"),
        ("CATCH_UP_HOURS", "-1", "a whole number from 0 to 168, but is '-1'"),
        ("CATCH_UP_HOURS", "9999", "from 0 to 168, but is '9999'"),
        ("METRICS_PORT", "0", "from 1 to 65535"),
        ("METRICS_PORT", "70000", "from 1 to 65535"),
        ("QUEUE_MESSAGES", "-5", "from 1 to 1000000, but is '-5'"),
        ("SANDBOX_PORT", "70000", "from 0 to 65535"),
        ("MEMBERS_INTENT", "maybe", "true or false, but is 'maybe'"),
        ("PRIVACY_CONTACT", "x" * 201, "at most 200"),
        ("PRIVACY_CONTACT", "two\nlines", "one line of text"),
        ("PRIVACY_POLICY_URL", "example.org", "https://"),
        ("DISCORD_API_URL", "discord.test/api", "http://"),
        ("DISCORD_GATEWAY_URL", "http://127.0.0.1", "ws:// or wss://, but is 'http://127.0.0.1'"),
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


def test_everything_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", f"Bot {TOKEN}")
    monkeypatch.setenv("DISCORD_API_URL", "http://127.0.0.1:3001/api/v10")
    monkeypatch.setenv("QUEUE_MESSAGES", "-5")
    monkeypatch.setenv("MEMBERS_INTENT", "maybe")
    with pytest.raises(SettingsError) as caught:
        load_settings(None)
    assert str(caught.value).splitlines() == [
        "DISCORD_TOKEN must be the bare token, without 'Bot ' before it",
        "DISCORD_GATEWAY_URL is not set, but DISCORD_API_URL is; set both or neither",
        "QUEUE_MESSAGES must be a whole number from 1 to 1000000, but is '-5'",
        "MEMBERS_INTENT must be true or false, but is 'maybe'",
    ]


@pytest.mark.parametrize(
    "line", ['DISCORD_TOKEN "abc', 'DISCORD_TOKEN="abc', "DISCORD_TOKEN", "DISCORD_TOKEN: abc"]
)
def test_a_line_that_sets_nothing_is_named_and_not_repeated(tmp_path: Path, line: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"# mine\nLOG_LEVEL=debug\n{line}\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(file)
    message = str(caught.value)
    assert message.startswith(f"{file}, line 3 cannot be read: write NAME=value")
    assert "abc" not in message
    assert "\n" not in message


def test_names_that_are_no_settings_are_told_with_the_nearest_that_is(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"\xef\xbb\xbfLOG_LEVEL=debug\nDISCORD_TOKN=x\nUNRELATED=1\nmodel=\n")
    assert strangers(file) == [
        f"{file} sets DISCORD_TOKN, which Hexward does not know; did you mean DISCORD_TOKEN?",
        f"{file} sets UNRELATED, which Hexward does not know",
    ]
    assert load_settings(file).log_level == "DEBUG"


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
