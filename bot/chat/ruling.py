"""Which rules hold where: the server's, and over them those of category, channel and thread."""

from __future__ import annotations

from collections.abc import Iterator

import discord

from bot.chat.lookup import ServerChannel
from bot.screening.policy import Layer, Rules, resolve
from bot.screening.presets import Presets
from bot.storage.server_settings import ServerSettings


def rules_at(
    presets: Presets, settings: ServerSettings, channel: ServerChannel | None = None
) -> Rules:
    """The rules that hold in a channel; in the server, where no channel is given."""
    return resolve(presets.thresholds(settings.preset), _layers(settings, channel))


def _layers(settings: ServerSettings, channel: ServerChannel | None) -> Iterator[Layer]:
    yield Layer(settings.overrides, settings.measures)
    if settings.places:
        for scope_id in scope_ids(channel):
            own = settings.places.get(scope_id)
            if own is not None:
                yield Layer(own.thresholds, own.measures)


def scope_ids(channel: ServerChannel | None) -> tuple[int, ...]:
    """The ids that a choice for a channel may be made under, the widest scope first."""
    if channel is None:
        return ()
    if isinstance(channel, discord.Thread):
        parent = channel.parent
        category_id = None if parent is None else parent.category_id
        ids = [category_id, channel.parent_id, channel.id]
    else:
        ids = [channel.category_id, channel.id]
    return tuple(scope_id for scope_id in ids if scope_id is not None)
