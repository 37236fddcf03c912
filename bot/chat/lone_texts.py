"""Texts that stand in no message, such as titles and names: scored, decided, written down, told.

Nothing is done about them but an alert: there is no message to delete, and a title or a name is for
a person to change.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import discord

from bot.chat.log_channel import Trouble, find_log_channel
from bot.chat.lone_card import lone_card
from bot.chat.lookup import ServerChannel, channel_by_id
from bot.chat.passages import read_through
from bot.chat.passed import Passed
from bot.chat.ruling import rules_at
from bot.chat.surfaces import Surface
from bot.errors import DatabaseError, Overloaded
from bot.language import trn
from bot.logs import describe
from bot.rules import Action
from bot.screening.engine import Engine, Priority
from bot.screening.policy import Decision, decide
from bot.screening.presets import Presets
from bot.storage.decisions import Decisions, NewDecision, Outcome, RecordedDecision
from bot.storage.server_settings import ServerSettings

log = logging.getLogger(__name__)

# Alerts of a server that may wait for Discord; the others are told in one line.
MOST_PENDING = 25
# Pauses before what could not be scored or written is tried again.
_AGAIN_S = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


TITLE = "title"
_NAMES = ("nickname", "display-name", "username")


def stands_alone(surface: str) -> bool:
    """Whether a decision's surface is a title or a name, and no part of a message."""
    return surface == TITLE or surface in _NAMES


def shown_name(member: discord.Member) -> Surface:
    """The name that the server sees, and which of a member's names it is."""
    names = (member.nick, member.global_name, member.name)
    return next(Surface(name, text) for name, text in zip(_NAMES, names, strict=True) if text)


@dataclass(frozen=True, slots=True)
class LoneText:
    """A text with what a decision about it has to say.

    Attributes
    ----------
    surface
        ``title``, ``nickname``, ``display-name`` or ``username``, and the text.
    subject_id
        Whose text it is: the thread's id, the member's.
    channel_id
        The thread's id; for a member's name the server's, which is no channel.
    author_id
        Who is taken to have written it.
    revision
        0 as it was first, or when it was changed in Unix milliseconds.
    place
        The thread, whose own rules apply; None for names.
    """

    server: discord.Guild
    surface: Surface
    subject_id: int
    channel_id: int
    author_id: int
    revision: int
    at: datetime
    place: ServerChannel | None = None


class LoneTexts:
    """Takes such texts through scoring to an alert."""

    def __init__(
        self, engine: Engine, presets: Presets, decisions: Decisions, passed: Passed
    ) -> None:
        self._engine = engine
        self._presets = presets
        self._decisions = decisions
        self._passed = passed
        self._pending: dict[int, int] = {}
        self._crowded: dict[int, int] = {}

    async def screen(self, text: LoneText, settings: ServerSettings) -> None:
        """Screen a text, trying again for a minute while too much else is to be done.

        Raises
        ------
        HexwardError
            What kept it from being screened to the last.
        """
        for pause_s in _AGAIN_S:
            try:
                return await self._screen(text, settings)
            except (Overloaded, DatabaseError):
                await asyncio.sleep(pause_s)
        return await self._screen(text, settings)

    async def finish(
        self, recorded: RecordedDecision, server: discord.Guild, settings: ServerSettings
    ) -> tuple[Outcome, str | None]:
        """Tell of a flag that an earlier run has left, if the text still stands and still flags.

        Returns
        -------
        tuple
            The outcome and a line for the log of decisions; never raises.
        """
        try:
            surface, place = await _as_it_stands(recorded, server)
            text = LoneText(
                server=server,
                surface=surface,
                subject_id=recorded.message_id,
                channel_id=recorded.channel_id,
                author_id=recorded.author_id,
                revision=recorded.revision,
                at=recorded.message_created_at,
                place=place,
            )
            decision = await self._decide(text, settings)
        except discord.NotFound:
            return Outcome.MESSAGE_GONE, None
        except Exception as error:  # also an answer that discord.py cannot parse
            return Outcome.FAILED, describe(error)[:200]
        if surface.name != recorded.surface or not decision.flagged:
            return Outcome.MESSAGE_GONE, "changed since"
        return await self._tell(text, decision, recorded.id, settings.log_channel_id)

    async def _decide(self, text: LoneText, settings: ServerSettings) -> Decision:
        score = partial(self._engine.score, server_id=text.server.id, priority=Priority.LIVE)
        reading = await read_through(text.surface.text, score)
        rules = rules_at(self._presets, settings, text.place)
        decision = decide(reading.scores, rules, settings.mode)
        if decision.action.acts:
            return replace(decision, action=Action.ALERT, timeout=None)
        return decision

    async def _screen(self, text: LoneText, settings: ServerSettings) -> None:
        server_id = text.server.id
        decision = await self._decide(text, settings)
        if not decision.flagged:
            self._passed.note(
                server_id, [decision.scores], author_id=text.author_id, channel=text.place
            )
            return
        recorded = await self._decisions.record(
            NewDecision(
                server_id=server_id,
                channel_id=text.channel_id,
                message_id=text.subject_id,
                author_id=text.author_id,
                surface=text.surface.name,
                revision=text.revision,
                scores=decision.scores,
                thresholds=decision.thresholds,
                labels_over=decision.labels_over,
                action=decision.action.value,
                model_version=self._engine.model.version,
                message_created_at=text.at,
                decided_at=datetime.now(UTC),
                mode=decision.mode,
            )
        )
        if recorded is None:
            return
        outcome, detail = await self._tell(text, decision, recorded.id, settings.log_channel_id)
        try:
            await self._decisions.settle(recorded.id, outcome, detail)
        except DatabaseError as error:
            log.error("Decision %d was told but not settled: %s", recorded.id, error)

    async def _tell(
        self, text: LoneText, decision: Decision, decision_id: int, log_channel_id: int | None
    ) -> tuple[Outcome, str | None]:
        if decision.action is Action.LOG:
            return Outcome.LOGGED, None
        server_id = text.server.id
        pending = self._pending.get(server_id, 0)
        if pending >= MOST_PENDING:
            self._crowded[server_id] = self._crowded.get(server_id, 0) + 1
            return Outcome.CROWDED_OUT, None
        self._pending[server_id] = pending + 1
        try:
            card = lone_card(
                text.surface,
                text.author_id,
                text.channel_id,
                decision,
                decision_id,
                self._engine.model.version,
            )
            return await _post(text.server, log_channel_id, card)
        finally:
            self._pending[server_id] -= 1
            if not self._pending[server_id]:
                del self._pending[server_id]
                if more := self._crowded.pop(server_id, 0):
                    line = trn(
                        "{count:,} more title or name was flagged, faster than Discord takes "
                        "alerts. It is in the log of decisions.",
                        "{count:,} more titles and names were flagged, faster than Discord takes "
                        "alerts. They are in the log of decisions.",
                        more,
                    )
                    await _post(text.server, log_channel_id, line)


async def _as_it_stands(
    recorded: RecordedDecision, server: discord.Guild
) -> tuple[Surface, ServerChannel | None]:
    """What a title or a name is now, and the thread of a title."""
    if recorded.surface == TITLE:
        thread = await channel_by_id(server, recorded.channel_id)
        return Surface(TITLE, thread.name), thread
    return shown_name(await server.fetch_member(recorded.author_id)), None


async def _post(
    server: discord.Guild, log_channel_id: int | None, content: discord.Embed | str
) -> tuple[Outcome, str | None]:
    """Post in the log channel; never raises, whatever Discord answers."""
    try:
        channel = await find_log_channel(server, log_channel_id)
        if isinstance(channel, Trouble):
            return channel.outcome, channel.detail
        if isinstance(content, discord.Embed):
            await channel.send(embed=content)
        else:
            await channel.send(content)
    except discord.Forbidden as error:
        return Outcome.MISSING_PERMISSION, f"Discord error {error.code}"
    except discord.NotFound:
        return Outcome.LOG_CHANNEL_GONE, None
    except Exception as error:  # also an answer that discord.py cannot parse
        return Outcome.FAILED, describe(error)[:200]
    return Outcome.ALERTED, None
