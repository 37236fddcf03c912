"""A test message that goes the whole way: scored, decided, written, shown. Nothing follows it."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime

import discord

from bot.chat.alert_card import Alert, alert_card
from bot.chat.commands import explained
from bot.chat.faults import DISCORD_FAULTS
from bot.chat.findings import Finding, Level
from bot.chat.languages import speaking_to
from bot.chat.log_channel import Trouble, find_log_channel
from bot.chat.ruling import rules_at
from bot.errors import HexwardError
from bot.labels import Label
from bot.language import tr
from bot.rules import Action
from bot.screening.engine import Engine, Priority
from bot.screening.policy import Decision, decide
from bot.screening.presets import Presets
from bot.storage.database import Database
from bot.storage.server_settings import ServerSettings

# English, whatever is spoken: the model reads it. A new one each time, so that it is really scored.
_TEXT = "Test {number}: you are a stupid idiot, you stupid moron."


class Trial:
    """Tries a server's settings out, from the engine to the log channel."""

    def __init__(self, engine: Engine, presets: Presets, database: Database) -> None:
        self._engine = engine
        self._presets = presets
        self._database = database

    async def run(
        self, server: discord.Guild, settings: ServerSettings, asked_by: discord.abc.User
    ) -> Finding:
        """Post a card for a made-up message; how that went, and how long it took.

        The decision is not kept, so it counts nowhere, and its card has no buttons.
        """
        subject = tr("Test message")
        clock = asyncio.get_running_loop().time
        began, posted_at = clock(), datetime.now(UTC)
        text = _TEXT.format(number=secrets.randbelow(10_000))
        try:
            scores = await self._engine.score(text, server_id=server.id, priority=Priority.CHECK)
            scored = clock()
            decision = decide(scores, rules_at(self._presets, settings), settings.mode)
            if (why_not := _why_not(decision)) is not None:
                return Finding(Level.DOUBTFUL, subject, why_not)
            await self._database.try_writing()
            written = clock()
            channel = await find_log_channel(server, settings.log_channel_id)
            if isinstance(channel, Trouble):
                what = tr("It was not shown, because I cannot post alerts yet.")
                remedy = tr("Choose a log channel in which I may post, then try again.")
                return Finding(Level.BAD, subject, what, remedy)
            with speaking_to(server):
                alert = Alert(
                    decision=decision,
                    decision_id=0,
                    text=text,
                    surface="content",
                    author_id=asked_by.id,
                    person=False,
                    channel_id=settings.log_channel_id or 0,
                    jump_url="",
                    posted_at=posted_at,
                    edited=False,
                    model_version=self._engine.model.version,
                    now=datetime.now(UTC),
                    trial=True,
                )
                card = alert_card(alert)
            shown = await channel.send(embed=card)
        except HexwardError as error:
            return Finding(Level.BAD, subject, explained(error), tr("Try again in a moment."))
        except DISCORD_FAULTS:
            what = tr("Discord did not take the card.")
            return Finding(Level.BAD, subject, what, tr("Try again in a moment."))
        told = tr(
            "Flagged, and [shown on a card]({card}) after {all:,.0f} ms: {scoring:,.0f} to score "
            "it, {writing:,.0f} to write, the rest for Discord.",
            card=shown.jump_url,
            all=(clock() - began) * 1000,
            scoring=(scored - began) * 1000,
            writing=(written - scored) * 1000,
        )
        return Finding(Level.GOOD, subject, told)


def _why_not(decision: Decision) -> str | None:
    """Why a real message like this one would not be shown."""
    score, threshold = decision.scores[Label.TOXIC], decision.thresholds[Label.TOXIC]
    if not decision.flagged:
        return tr(
            "A rude sentence got {score:.2f} for Toxic, and is flagged here from {threshold:.2f} "
            "on: it was not flagged, and there is no card.",
            score=score,
            threshold=threshold,
        )
    if decision.action is Action.LOG:
        return tr("It was flagged, and by this server’s actions such flags are logged, not shown.")
    return None
