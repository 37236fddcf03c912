"""How the bot itself is: its connection, its model, its database, and what waits to be screened."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator

from bot import __version__
from bot.chat.client import Hexward
from bot.chat.commands import explained
from bot.chat.findings import Finding, Level
from bot.errors import DatabaseError, HexwardError
from bot.labels import Label
from bot.language import tr, trn
from bot.screening.engine import Engine, Priority
from bot.storage.database import Database
from bot.storage.decisions import Decisions
from bot.storage.server_settings import ServerSettings
from bot.storage.unscreened import Unscreened

_FRIENDLY = "Good morning, everyone, number {number}."
_RUDE = "You are a stupid idiot, number {number}."
_SLOW_S = 1.0
# More was not measured: before the first heartbeat is answered it is endless, and where the answer
# is faster than discord.py takes the time, it is counted from the heartbeat before, some 41 s ago.
_IMPLAUSIBLE_S = 20.0
_MIB = 2**20
# A purge rewrites the database file, which needs as much room again for a moment.
_LITTLE_ROOM = 500 * _MIB
_NO_ROOM = 50 * _MIB


def check_connection(client: Hexward, settings: ServerSettings) -> Iterator[Finding]:
    """What Discord lets the bot know, and how far away it is."""
    subject = tr("Intents")
    asked = client.asked
    if not asked.message_content:
        yield Finding(
            Level.BAD,
            subject,
            tr("Message Content is off for this bot, so I read only messages that mention me."),
            tr(
                "Whoever hosts this bot can switch the intent on in Discord’s developer portal, "
                "and has to start it again then."
            ),
        )
    if settings.screen_names and not asked.members:
        yield Finding(
            Level.DOUBTFUL,
            subject,
            tr("Names are to be screened, but the Server Members intent is off for this bot."),
            tr("Whoever hosts this bot can switch it on; /screening names turns it off here."),
        )
    elif asked.message_content:
        with_names = tr("Message Content and Server Members are on.")
        without = tr("Message Content is on. Server Members is off, which only names need.")
        yield Finding(Level.GOOD, subject, with_names if asked.members else without)
    latency = client.latency
    if latency > _IMPLAUSIBLE_S:
        told = tr("Hexward {version}, connected to Discord.", version=__version__)
        yield Finding(Level.GOOD, tr("Connection"), told)
        return
    slow = latency > _SLOW_S
    yield Finding(
        Level.DOUBTFUL if slow else Level.GOOD,
        tr("Connection"),
        tr(
            "Hexward {version}, {latency:,.0f} ms to Discord.",
            version=__version__,
            latency=latency * 1000,
        ),
        tr("Discord or the host’s line is slow. Alerts come late; nothing is lost.")
        if slow
        else "",
    )


async def check_model(engine: Engine, server_id: int) -> Finding:
    """Score a friendly and a rude sentence, new ones each time, and compare them."""
    subject = tr("Model")
    version, number = engine.model.version, secrets.randbelow(10**6)
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        friendly, rude = [
            (
                await engine.score(
                    text.format(number=number), server_id=server_id, priority=Priority.CHECK
                )
            )[Label.TOXIC]
            for text in (_FRIENDLY, _RUDE)
        ]
    except HexwardError as error:
        return Finding(Level.BAD, subject, explained(error), tr("Try again in a moment."))
    took_ms = (clock() - began) * 1000
    if rude <= friendly:
        return Finding(
            Level.BAD,
            subject,
            tr(
                "{version} gives a rude sentence {rude:.2f} and a friendly one {friendly:.2f}: it "
                "cannot tell them apart.",
                version=version,
                rude=rude,
                friendly=friendly,
            ),
            tr("Whoever hosts this bot should look at the model with `python -m bot doctor`."),
        )
    told = tr(
        "{version} works: a rude sentence gets {rude:.2f}, a friendly one {friendly:.2f}, in "
        "{ms:,.0f} ms.",
        version=version,
        rude=rude,
        friendly=friendly,
        ms=took_ms,
    )
    return Finding(Level.GOOD, subject, told)


async def check_database(database: Database) -> Finding:
    """Read, write, and look at the room that is left."""
    subject = tr("Database")
    try:
        health = await database.health()
    except DatabaseError as error:
        remedy = tr("Whoever hosts this bot has to mend it.")
        return Finding(Level.BAD, subject, explained(error), remedy)
    free = health.free_bytes
    if health.revision != health.newest:
        what = tr(
            "It is at revision {revision}, and this version of Hexward has {newest}.",
            revision=health.revision or "–",
            newest=health.newest,
        )
        return Finding(Level.BAD, subject, what, tr("Whoever hosts this bot has to restart it."))
    size = health.size_bytes / _MIB
    if free is not None and free < _LITTLE_ROOM:
        what = tr(
            "It takes {size:,.1f} MiB, and only {free:,.0f} MiB are left on its disk.",
            size=size,
            free=free / _MIB,
        )
        remedy = tr("Whoever hosts this bot should make room before nothing can be written.")
        level = Level.BAD if free < _NO_ROOM else Level.DOUBTFUL
        return Finding(level, subject, what, remedy)
    write_ms = health.write_s * 1000
    if free is None:
        told = tr(
            "Up to date at {revision}, {size:,.1f} MiB, can be written ({ms:,.0f} ms).",
            revision=health.revision,
            size=size,
            ms=write_ms,
        )
    else:
        told = tr(
            "Up to date at {revision}, {size:,.1f} MiB with {free:,.1f} GiB free, can be written "
            "({ms:,.0f} ms).",
            revision=health.revision,
            size=size,
            free=free / 2**30,
            ms=write_ms,
        )
    return Finding(Level.GOOD, subject, told)


async def check_backlog(
    engine: Engine, unscreened: Unscreened, decisions: Decisions, server_id: int
) -> Finding:
    """What of this server was not screened yet, and what waits altogether."""
    subject = tr("Backlog")
    try:
        left = await unscreened.count(server_id)
    except DatabaseError as error:
        return Finding(Level.BAD, subject, explained(error))
    if held_up := decisions.held_up(server_id):
        what = trn(
            "{count} flag of this server cannot be written down, so nothing was done about it yet.",
            "{count} flags of this server cannot be written down, so nothing was done about them "
            "yet.",
            held_up,
        )
        remedy = tr("Whoever hosts this bot has to mend the database, or make room on its disk.")
        return Finding(Level.BAD, subject, what, remedy)
    waiting = engine.figures().waiting
    if left:
        what = trn(
            "{count} message of this server is still to be screened.",
            "{count} messages of this server are still to be screened.",
            left,
        )
        return Finding(
            Level.DOUBTFUL, subject, what, tr("They are caught up with as soon as there is room.")
        )
    told = trn(
        "Nothing is left unscreened; {count} text waits for the model.",
        "Nothing is left unscreened; {count} texts wait for the model.",
        waiting,
    )
    return Finding(Level.GOOD, subject, told)
