"""The environment and ``.env``, read once into one frozen value.

This is the only module that reads the environment. Everything else is handed what it needs.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from dotenv import dotenv_values
from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import SettingsError

DEFAULT_DATABASE_URL = "sqlite+aiosqlite:///./data/hexward.db"
SANDBOX_DATABASE_URL = "sqlite+aiosqlite:///./data/sandbox.db"


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
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )

    discord_token: SecretStr | None = None
    discord_api_url: str | None = None
    discord_gateway_url: str | None = None
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
        return value.upper() if isinstance(value, str) else value

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
            raise ValueError(f"must be the address of a page (https://…), but is {value!r}")
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
            raise ValueError(f"must begin with {' or '.join(schemes)}, but is {value!r}")
        return value.rstrip("/") if value is not None else None

    @model_validator(mode="after")
    def _both_addresses(self) -> Self:
        pair = {
            "DISCORD_API_URL": self.discord_api_url,
            "DISCORD_GATEWAY_URL": self.discord_gateway_url,
        }
        missing = [name for name, value in pair.items() if value is None]
        if len(missing) == 1:
            # One address alone would send the token of one service to the other.
            (given,) = set(pair) - set(missing)
            raise ValueError(f"{given} is set but {missing[0]} is not; set both or neither")
        if not missing and self.discord_token is None:
            raise ValueError(
                "DISCORD_API_URL and DISCORD_GATEWAY_URL are set but DISCORD_TOKEN is not"
            )
        return self

    @property
    def token(self) -> str | None:
        """The token in the clear; hand it to the client and nowhere else."""
        return self.discord_token.get_secret_value() if self.discord_token else None

    @property
    def logging_level(self) -> int:
        """`log_level` as the number `logging` takes."""
        return logging.getLevelNamesMapping()[self.log_level]


def load_settings(env_file: Path | None = Path(".env")) -> Settings:
    """Read the environment over ``.env``.

    Raises
    ------
    SettingsError
        In one line: the variable, what is wrong with it and what would be accepted.
    """
    try:
        return Settings(_env_file=env_file)  # type: ignore[call-arg]  # pydantic-settings' own
    except ValidationError as error:
        raise SettingsError(_one_line(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{env_file} cannot be read as text in UTF-8: {error}") from None


def unknown_names(env_file: Path = Path(".env")) -> list[str]:
    """The names in ``.env`` that are no setting: mistyped, most likely."""
    known = {name.upper() for name in Settings.model_fields}
    return sorted(name for name in dotenv_values(env_file) if name.upper() not in known)


def _one_line(error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        message = problem["msg"].removeprefix("Value error, ")
        variable = "_".join(str(part) for part in problem["loc"]).upper()
        problems.append(f"{variable}: {message}" if variable else message)
    return "Settings: " + "; ".join(problems)
