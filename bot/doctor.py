"""Looks for what is wrong with an installation; every finding comes with its remedy."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import click
import discord

from bot.app import load
from bot.chat.client import point_at
from bot.chat.findings import Finding, Level, problems
from bot.chat.intents import Asked, ContentIntent, Privileged
from bot.chat.replies import replies_trace
from bot.chat.server_checks import check_reading, check_server
from bot.chat.supervision import lacks_intent, refusal
from bot.errors import DatabaseMisfit, HexwardError, MissingExtraError
from bot.logs import describe, set_up_logging
from bot.settings import Settings, load_settings, strangers
from bot.storage import migrate, schema_revision
from bot.storage.database import Database
from bot.storage.servers import Servers, ServerSettings

_CONNECT_S = 30.0
_TOKEN_SHAPE = re.compile(r"[\w-]{18,}\.[\w-]{6,7}\.[\w-]{27,}")
_MENTION = re.compile(r"<(?P<kind>#|@&)(?P<id>[0-9]+)>")
_WITHOUT = {
    Privileged.MESSAGE_CONTENT: (
        "Discord refuses Message Content: only messages that mention the bot are screened"
    ),
    Privileged.MEMBERS: "Discord refuses Server Members: names are not screened",
}


async def examine(*, offline: bool) -> int:
    """Print the findings as they are made.

    Returns
    -------
    int
        The exit status: 1 if anything is bad.
    """
    bad = 0
    async for finding in _findings(offline):
        colour = {Level.GOOD: "green", Level.DOUBTFUL: "yellow", Level.BAD: "red"}[finding.level]
        mark = click.style(f"{finding.level.value:<4}", fg=colour)
        click.echo(f"{mark}  {finding.subject:<12} {finding.what}")
        if finding.remedy:
            click.echo(f"{'':<19}→ {finding.remedy}")
        bad += finding.level is Level.BAD
    click.echo("Nothing is wrong." if not bad else f"{bad} to mend.")
    return 1 if bad else 0


async def _findings(offline: bool) -> AsyncIterator[Finding]:
    try:
        settings = load_settings()
    except HexwardError as error:
        for line in str(error).splitlines():
            yield Finding(Level.BAD, "settings", line, "Correct it in the environment or .env.")
        return
    set_up_logging(max(settings.logging_level, 40), settings.token)
    unknown = strangers()
    for sentence in unknown:
        remedy = "Compare the names with .env.example."
        yield Finding(Level.DOUBTFUL, "settings", sentence, remedy)
    if not unknown:
        yield Finding(Level.GOOD, "settings", "readable")
    yield _token(settings)
    database, in_use = await _database(settings)
    yield database
    yield await _model(settings)
    if settings.token is None or offline:
        yield Finding(Level.DOUBTFUL, "connection", "not tried")
        return
    async for finding in _live(settings, settings.token, in_use):
        yield finding


def _token(settings: Settings) -> Finding:
    if settings.token is None:
        return Finding(
            Level.DOUBTFUL,
            "token",
            "DISCORD_TOKEN is not set, so `run` starts the sandbox",
            "For a real server, put the bot's token into .env.",
        )
    if settings.discord_api_url is None and not _TOKEN_SHAPE.fullmatch(settings.token):
        return Finding(
            Level.BAD,
            "token",
            "DISCORD_TOKEN does not look like a bot token (three parts joined by dots)",
            "Copy it from the developer portal: your application, Bot, Reset Token.",
        )
    return Finding(Level.GOOD, "token", "has the shape of one")


async def _database(settings: Settings) -> tuple[Finding, bool]:
    """The finding, and whether the database is there and can be read by this version."""
    subject = "database"
    try:
        revision, newest = await asyncio.to_thread(migrate.current, settings.database_url)
        if revision is not None:
            await asyncio.to_thread(migrate.check_whole, settings.database_url)
        if revision == newest:
            await asyncio.to_thread(migrate.check_writing, settings.database_url)
    except HexwardError as error:
        remedy = _remedy(error, "Mend that, or name another database in DATABASE_URL.")
        return Finding(Level.BAD, subject, str(error), remedy), False
    if revision is None:
        try:
            migrate.check_place(settings.database_url)
        except HexwardError as error:
            remedy = "Correct DATABASE_URL, or give the user that runs Hexward that folder."
            return Finding(Level.BAD, subject, str(error), remedy), False
        return Finding(Level.GOOD, subject, "new: it is made at the first start"), False
    if revision == newest:
        return Finding(Level.GOOD, subject, f"at revision {revision}, whole, can be written"), True
    if not schema_revision.is_known(revision):
        what = f"at revision {revision}, which this version of Hexward does not know"
        return Finding(Level.BAD, subject, what, "Update Hexward, or restore a backup."), False
    what = f"at revision {revision}; this version of Hexward has {newest}"
    remedy = "`python -m bot db upgrade`; the next start does it too."
    return Finding(Level.DOUBTFUL, subject, what, remedy), False


def _remedy(error: HexwardError, otherwise: str) -> str:
    """The remedy, unless the error's own words name it."""
    return "" if isinstance(error, MissingExtraError | DatabaseMisfit) else otherwise


async def _model(settings: Settings) -> Finding:
    try:
        model = await load(settings)
        await asyncio.to_thread(model.score, ["hello"])
    except HexwardError as error:
        remedy = _remedy(error, "Restore the model's files, or correct MODEL.")
        return Finding(Level.BAD, "model", str(error), remedy)
    return Finding(Level.GOOD, "model", f"{model.version} loads, its files are intact, it scores")


async def _live(settings: Settings, token: str, database_in_use: bool) -> AsyncIterator[Finding]:
    """Connect as the bot would and look at what Discord grants it."""
    point_at(settings.discord_api_url, settings.discord_gateway_url)
    asked = Asked(ContentIntent(settings.message_content), members=settings.members_intent)
    retrying = True
    while retrying:
        retrying = False
        async for finding in _attempt(settings, token, asked, database_in_use):
            if finding is None:
                retrying = True
            else:
                yield finding


async def _attempt(
    settings: Settings, token: str, asked: Asked, database_in_use: bool
) -> AsyncIterator[Finding | None]:
    """One connection; None where it has to be tried again with fewer intents."""
    client = discord.Client(
        intents=asked.intents(),
        max_messages=None,
        chunk_guilds_at_startup=False,
        http_trace=replies_trace(),
    )
    ready = asyncio.Event()
    client.event(_setter(ready))
    running = asyncio.create_task(client.start(token, reconnect=False))
    arriving = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait(
            {running, arriving}, timeout=_CONNECT_S, return_when=asyncio.FIRST_COMPLETED
        )
        if not ready.is_set():
            error = running.exception() if running.done() else None
            without = asked.give_up(client.application_flags) if lacks_intent(error) else ()
            for intent in without:
                level = Level.DOUBTFUL if intent is Privileged.MEMBERS else Level.BAD
                yield Finding(level, "intents", _WITHOUT[intent], intent.remedy)
            yield None if without else _no_connection(error)
            return
        yield Finding(Level.GOOD, "connection", f"connected as {client.user}")
        if asked.message_content:
            yield _message_content(client)
        elif Privileged.MESSAGE_CONTENT not in asked.refused:
            yield Finding(
                Level.DOUBTFUL,
                "intents",
                "MESSAGE_CONTENT is off: only messages that mention the bot are screened",
                "Remove that line from .env to have all messages screened.",
            )
        async with contextlib.AsyncExitStack() as stack:
            servers = None
            if database_in_use:
                database = await Database.open(settings.database_url)
                servers = Servers(await stack.enter_async_context(database))
            for server in client.guilds:
                async for finding in _server(server, servers):
                    yield finding
        if not client.guilds:
            yield Finding(
                Level.DOUBTFUL, "servers", "the bot is in no server", "Invite it; see the README."
            )
    finally:
        arriving.cancel()
        await client.close()
        running.cancel()
        await asyncio.wait({running, arriving})


def _setter(ready: asyncio.Event) -> Callable[[], Coroutine[Any, Any, None]]:
    async def on_ready() -> None:
        ready.set()

    return on_ready


def _no_connection(error: BaseException | None) -> Finding:
    if remedy := refusal(error):
        return Finding(Level.BAD, "connection", "refused", remedy)
    what = describe(error) if error else f"not ready within {_CONNECT_S:.0f} s"
    return Finding(
        Level.BAD,
        "connection",
        what,
        "Check this machine's way to the internet, and DISCORD_API_URL and DISCORD_GATEWAY_URL.",
    )


def _message_content(client: discord.Client) -> Finding:
    flags = client.application_flags
    if flags.gateway_message_content or flags.gateway_message_content_limited:
        return Finding(Level.GOOD, "intents", "Message Content is on")
    return Finding(
        Level.DOUBTFUL,
        "intents",
        "Discord let the bot in, but does not list the Message Content intent for it",
        "Developer portal: your application, Bot, Privileged Gateway Intents.",
    )


async def _server(server: discord.Guild, servers: Servers | None) -> AsyncIterator[Finding]:
    """What `/doctor` would say there; without a database, what does not depend on choices."""
    if servers is None:
        settings = ServerSettings(server.id)
        findings = list(check_reading(server, settings))
    else:
        findings = await check_server(server, await servers.get(server.id))
    subject = f"server {server.id}"
    for finding in problems(findings):
        what = f"{server.name}: {_plain(finding.what, server)}"
        yield Finding(finding.level, subject, what, finding.remedy)
    if not problems(findings):
        yield Finding(Level.GOOD, subject, f"{server.name}: permissions and log channel are right")


def _plain(sentence: str, server: discord.Guild) -> str:
    """A sentence for Discord as a terminal shows it: names for mentions, nothing bold."""

    def name(mention: re.Match[str]) -> str:
        found_id = int(mention["id"])
        if mention["kind"] == "#":
            channel = server.get_channel_or_thread(found_id)
            return f"#{channel.name}" if channel else f"the channel {found_id}"
        role = server.get_role(found_id)
        return f"@{role.name}" if role else f"the role {found_id}"

    return _MENTION.sub(name, sentence).replace("**", "")
