"""Texts that stand in no message, such as titles and names: scored, decided, written down, told.

Nothing is done about them but an alert: there is no message to delete, and a title or a name is for
a person to change; a name with a button of the alert.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import discord

from bot.chat.carried import Carried
from bot.chat.flag import Case, Result
from bot.chat.lone_card import LoneAlert
from bot.chat.lookup import ServerChannel, channel_by_id
from bot.chat.passages import read_through
from bot.chat.passed import Passed
from bot.chat.posting import Posting
from bot.chat.ruling import rules_at
from bot.chat.surfaces import NAMES, TITLE, Surface
from bot.errors import DatabaseError, Overloaded
from bot.logs import describe
from bot.rules import Action
from bot.screening.engine import Engine, Priority
from bot.screening.policy import Decision, decide
from bot.screening.presets import Presets
from bot.storage.decisions import Decisions, NewDecision, Outcome, RecordedDecision
from bot.storage.server_settings import ServerSettings

log = logging.getLogger(__name__)

# Pauses before what could not be scored or written is tried again.
_AGAIN_S = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


def shown_name(member: discord.Member) -> Surface:
    """The name that the server sees, and which of a member's names it is."""
    names = (member.nick, member.global_name, member.name)
    return next(Surface(name, text) for name, text in zip(NAMES, names, strict=True) if text)


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
        self,
        engine: Engine,
        presets: Presets,
        decisions: Decisions,
        passed: Passed,
        posting: Posting,
    ) -> None:
        self._engine = engine
        self._presets = presets
        self._decisions = decisions
        self._passed = passed
        self._posting = posting

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
    ) -> Result:
        """Tell of a flag that an earlier run has left, if the text still stands and still flags.

        Never raises.
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
            return Result(Outcome.MESSAGE_GONE)
        except Exception as error:  # also an answer that discord.py cannot parse
            return Result(Outcome.FAILED, describe(error)[:200])
        if surface.name != recorded.surface or not decision.flagged:
            return Result(Outcome.MESSAGE_GONE, "changed since")
        return await self._tell(text, decision, recorded.id, settings.log_channel_id, again=True)

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
        result = await self._tell(text, decision, recorded.id, settings.log_channel_id)
        try:
            await self._decisions.settle(recorded.id, result.outcome, result.detail)
        except DatabaseError as error:
            log.error("Decision %d was told but not settled: %s", recorded.id, error)

    async def _tell(
        self,
        text: LoneText,
        decision: Decision,
        decision_id: int,
        log_channel_id: int | None,
        *,
        again: bool = False,
    ) -> Result:
        if decision.action is Action.LOG:
            return Result(Outcome.LOGGED)
        alert = LoneAlert(
            decision=decision,
            decision_id=decision_id,
            surface=text.surface,
            author_id=text.author_id,
            channel_id=text.channel_id,
            model_version=self._engine.model.version,
        )
        case = Case(
            text.server,
            log_channel_id,
            text.channel_id,
            text.subject_id,
            text.author_id,
            decision_id,
        )
        shown = await self._posting.show(
            case, Carried(), lambda _carried, _background: alert, again=again
        )
        if shown.outcome is Outcome.CROWDED_OUT:
            self._posting.crowds.add_lone(case)
        return shown


async def _as_it_stands(
    recorded: RecordedDecision, server: discord.Guild
) -> tuple[Surface, ServerChannel | None]:
    """What a title or a name is now, and the thread of a title."""
    if recorded.surface == TITLE:
        thread = await channel_by_id(server, recorded.channel_id)
        return Surface(TITLE, thread.name), thread
    return shown_name(await server.fetch_member(recorded.author_id)), None
