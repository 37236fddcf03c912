"""What the bot lacks in a server to do what its rules ask for."""

from __future__ import annotations

from collections.abc import Mapping

import discord

from bot.chat.deeds import MEANS
from bot.labels import Label
from bot.rules import Action, Measure
from bot.storage.server_settings import ServerSettings


def wanted(settings: ServerSettings) -> Action:
    """The strongest action that a server's rules can come to, wherever it is."""
    actions = [Action.ALERT]
    scopes: list[Mapping[Label, Measure]] = [settings.measures]
    scopes += [own.measures for own in settings.places.values()]
    for measures in scopes:
        actions += [measure.action for measure in measures.values()]
    if settings.escalation and any(action.acts for action in actions):
        actions.append(Action.TIMEOUT)
    return max(actions, key=lambda action: action.strength)


def shortcomings(server: discord.Guild, settings: ServerSettings) -> list[str]:
    """What keeps the bot from doing what the rules ask for: a sentence each, with the way out.

    Empty if nothing does, and for rules that only alert. Channels that the bot cannot read, or that
    are exempt, do not count: nothing is screened there.
    """
    strongest = wanted(settings)
    if server.me is None:  # a server that did not say who we are there: let the deeds tell
        return []
    return [
        sentence
        for means in MEANS
        if means.action.strength <= strongest.strength
        for sentence in means.shortcomings(server, settings)
    ]
