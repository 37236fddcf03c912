"""The environment and ``.env``, read once into one frozen value.

This is the only module that reads the environment. Everything else is handed what it needs.
"""

from __future__ import annotations

import difflib
import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv.parser import Binding, parse_stream
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import SettingsError

DEFAULT_DATABASE_URL = "sqlite+aiosqlite:///./data/hexward.db"
SANDBOX_DATABASE_URL = "sqlite+aiosqlite:///./data/sandbox.db"

_ENV_FILE = Path(".env")
_ENCODING = "utf-8-sig"  # some editors begin a file with a mark that is no part of the first name
# How alike two names have to be, from 0 to 1, for one to be the other misspelt.
_ALIKE = 0.75
# Characters of a wrong value that are repeated.
_MOST_REPEATED = 60


class Settings(BaseSettings):
    """What a host can set. The names in capitals are the environment's; see ``.env.example``.

    Attributes
    ----------
    discord_token
        The bot's token; None starts the sandbox instead of Discord.
    discord_api_url, discord_gateway_url
        Another Discord-compatible server; None is Discord itself. Set both or neither.
    database_url
        An SQLAlchemy address; SQLite and PostgreSQL are supported.
    model
        A model directory, or the path or hub name of a Hugging Face checkpoint; None is the model
        that ships.
    model_threads
        Processor threads that scoring may use under load; None is one for each core, at most four.
    queue_messages
        How many texts of one server may wait to be scored before new ones are refused; ten times
        as many altogether.
    catch_up_hours
        How far back messages are caught up with that went unscreened or were posted while the bot
        was away; 0 turns it off.
    message_content
        Whether to ask Discord for the Message Content intent. ``auto``: ask, and go on in reduced
        mode if it is refused; ``off``: reduced mode; ``required``: do not start without.
    members_intent
        Whether to ask for the Server Members intent, without which names are not screened.
    metrics_port
        The port on 127.0.0.1 where Prometheus can ask for metrics; None serves none.
    privacy_contact
        Whom members can write to about what is stored of them: an address or a name, one line.
    privacy_policy_url
        Where the host has published its privacy policy.
    sandbox_port
        The port of the sandbox's page; 0 takes a free one.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding=_ENCODING,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )

    discord_token: SecretStr | None = None
    discord_api_url: str | None = None
    # The default is looked at too: it does not go with every address.
    discord_gateway_url: Annotated[str | None, Field(validate_default=True)] = None
    database_url: str = DEFAULT_DATABASE_URL
    model: str | None = None
    model_threads: Annotated[int, Field(ge=1, le=64)] | None = None
    queue_messages: Annotated[int, Field(ge=1, le=1_000_000)] = 2_000
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    catch_up_hours: Annotated[int, Field(ge=0, le=168)] = 24
    message_content: Literal["auto", "off", "required"] = "auto"
    members_intent: bool = False
    metrics_port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    privacy_contact: Annotated[str, Field(max_length=200)] | None = None
    privacy_policy_url: Annotated[str, Field(max_length=500)] | None = None
    sandbox_port: Annotated[int, Field(ge=0, le=65_535)] = 0

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        if isinstance(value, str) and value.upper() in logging.getLevelNamesMapping():
            return value.upper()
        return value

    @field_validator("privacy_contact")
    @classmethod
    def _one_line_of_words(cls, value: str | None) -> str | None:
        if value is not None and not value.isprintable():
            raise ValueError("must be one line of text, such as privacy@example.org")
        return value

    @field_validator("privacy_policy_url")
    @classmethod
    def _page(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^\s<>]+", value):
            raise ValueError("must be the address of a page (https://…)")
        return value

    @field_validator("discord_token")
    @classmethod
    def _bare_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        token = value.get_secret_value().strip()
        if token.lower().startswith("bot "):
            raise ValueError("must be the bare token, without 'Bot ' before it")
        if not token or any(not 33 <= ord(character) <= 126 for character in token):
            raise ValueError("must be one word of plain characters; copy it again from the portal")
        return SecretStr(token)

    @field_validator("discord_api_url", "discord_gateway_url")
    @classmethod
    def _address(cls, value: str | None, field: ValidationInfo) -> str | None:
        schemes = ("http://", "https://")
        if field.field_name == "discord_gateway_url":
            schemes = ("ws://", "wss://")
        if value is not None and not value.startswith(schemes):
            raise ValueError(f"must begin with {' or '.join(schemes)}")
        return value.rstrip("/") if value is not None else None

    @field_validator("discord_gateway_url")
    @classmethod
    def _both_addresses(cls, value: str | None, field: ValidationInfo) -> str | None:
        # What is wrong by itself is not among the values, and is told by itself. This hangs on a
        # field, since a look at all of them together would be left out where one is wrong.
        if "discord_api_url" not in field.data:
            return value
        # One address alone would send the token of one service to the other.
        api_url = field.data["discord_api_url"]
        if value is None and api_url is not None:
            raise ValueError("is not set, but DISCORD_API_URL is; set both or neither")
        if value is not None and api_url is None:
            raise ValueError("is set, but DISCORD_API_URL is not; set both or neither")
        if value is not None and field.data.get("discord_token", value) is None:
            raise ValueError(
                "and DISCORD_API_URL are set, but DISCORD_TOKEN is not; set it, or neither of them"
            )
        return value

    @field_validator("sandbox_port")
    @classmethod
    def _ports_of_their_own(cls, value: int, field: ValidationInfo) -> int:
        if value and value == field.data.get("metrics_port"):
            raise ValueError("must be another port than METRICS_PORT")
        return value

    @property
    def token(self) -> str | None:
        """The token in the clear; hand it to the client and nowhere else."""
        return self.discord_token.get_secret_value() if self.discord_token else None

    @property
    def logging_level(self) -> int:
        """`log_level` as the number `logging` takes."""
        return logging.getLevelNamesMapping()[self.log_level]


def load_settings(env_file: Path | None = _ENV_FILE) -> Settings:
    """Read the environment over ``.env``.

    Raises
    ------
    SettingsError
        A line for each thing that is wrong: the variable, its value unless that is secret, and what
        would be accepted; or the file and the line that cannot be read.
    """
    try:
        if unreadable := [*_unreadable(env_file)]:
            raise SettingsError("\n".join(unreadable))
        return Settings(_env_file=env_file)  # type: ignore[call-arg]  # pydantic-settings' own
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        raise SettingsError("\n".join(_in_words(problem) for problem in problems)) from None
    except OSError as error:
        raise SettingsError(f"{env_file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{env_file} cannot be read as text in UTF-8: {error}") from None


def strangers(env_file: Path = _ENV_FILE) -> list[str]:
    """A sentence for each name in ``.env`` that is no setting: mistyped, most likely."""
    known = [name.upper() for name in Settings.model_fields]
    told = []
    for name in sorted({one.key for one in _lines(env_file) if one.key is not None}):
        if name.upper() in known:
            continue
        alike = difflib.get_close_matches(name.upper(), known, n=1, cutoff=_ALIKE)
        sentence = f"{env_file} sets {name}, which Hexward does not know"
        told.append(f"{sentence}; did you mean {alike[0]}?" if alike else sentence)
    return told


def _lines(env_file: Path | None) -> list[Binding]:
    if env_file is None or not env_file.exists():
        return []
    return [*parse_stream(io.StringIO(env_file.read_text(encoding=_ENCODING)))]


def _unreadable(env_file: Path | None) -> Iterator[str]:
    """A sentence for each line that sets nothing; python-dotenv would pass it over.

    What stands there is not repeated: it may be the token.
    """
    for line in _lines(env_file):
        if line.error or (line.key is not None and line.value is None):
            yield (
                f"{env_file}, line {line.original.line} cannot be read: write NAME=value, close "
                "every quotation mark, and begin a comment with #"
            )


def _in_words(problem: Any) -> str:
    """One of pydantic's errors as a sentence about a variable."""
    field_name = str(problem["loc"][0])
    variable, value = field_name.upper(), problem["input"]
    if problem["type"] == "value_error":
        expected = problem["msg"].removeprefix("Value error, ")
    else:
        expected = f"must be {_accepted(field_name)}"
    secret = Settings.model_fields[field_name].annotation == SecretStr | None
    if secret or not isinstance(value, str) or not expected.startswith("must"):
        return f"{variable} {expected}"
    if len(value) > _MOST_REPEATED:
        value = f"{value[:_MOST_REPEATED]}…"
    return f"{variable} {expected}, but is {value!r}"


def _accepted(field_name: str) -> str:
    """What a field takes, from its own schema."""
    schema = Settings.model_json_schema()["properties"][field_name]
    schema = next(iter(schema.get("anyOf", ())), schema)  # what it is if not null
    match schema:
        case {"enum": [*words]}:
            return f"one of {', '.join(words)}"
        case {"type": "boolean"}:
            return "true or false"
        case {"minimum": least, "maximum": most}:
            return f"a whole number from {least} to {most}"
        case {"maxLength": most}:
            return f"a text of at most {most} characters"
        case _:
            return "a text"
