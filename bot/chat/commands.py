"""What all commands share: who may use them, how their options are read, how they refuse.

A command that cannot do what it was asked raises `Refusal` with one sentence for the person who
asked; the tree below is the only place that answers errors.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from typing import Any

import discord
from discord import app_commands

from bot.chat.acquainted import acquainted, just_started
from bot.chat.captions import permission_captions
from bot.chat.faults import DISCORD_FAULTS
from bot.chat.lookup import permissions_in
from bot.chat.running import Running
from bot.errors import DatabaseError, EngineClosed, HexwardError, Overloaded
from bot.labels import LABELS, Label
from bot.language import tr
from bot.logs import describe

log = logging.getLogger(__name__)

_MOST_COMMANDS = 500
# Seconds that a command waits for a server of which the bot has not heard since its start; Discord
# waits three for the first word of an answer.
_ACQUAINTED_S = 1.5
# What Discord says where an answer came too late, or after another.
_NOT_WAITING = frozenset({10062, 40060})


class Refusal(app_commands.AppCommandError):
    """A request that was understood and declined; nothing was changed."""


def server_id(interaction: discord.Interaction[Any]) -> int:
    """The server in which a command was used; commands are registered for servers only."""
    if interaction.guild_id is None:
        raise app_commands.NoPrivateMessage
    return interaction.guild_id


def server_of(interaction: discord.Interaction[Any]) -> discord.Guild:
    """The same with its channels, roles and permissions."""
    if interaction.guild is None:
        raise app_commands.NoPrivateMessage
    return interaction.guild


class LabelOption(app_commands.Transformer):
    """One of the six labels, offered as choices and read forgivingly."""

    @property
    def choices(self) -> list[app_commands.Choice[str | int | float]]:
        return [app_commands.Choice(name=label.caption, value=label.value) for label in LABELS]

    async def transform(self, interaction: discord.Interaction[Any], value: str, /) -> Label:
        label = Label.parse(str(value))
        if label is not None:
            return label
        folded = str(value).strip().lower()
        for known in LABELS:
            if folded == known.caption.lower():
                return known
        raise Refusal(
            tr(
                "“{value}” is not a label. The labels are: {labels}.",
                value=clip(value),
                labels=", ".join(known.caption for known in LABELS),
            )
        )


class ThresholdOption(app_commands.Transformer):
    """A number from 0 to 1."""

    type = discord.AppCommandOptionType.number
    min_value = 0
    max_value = 1

    async def transform(self, interaction: discord.Interaction[Any], value: object, /) -> float:
        try:
            number = float(str(value))
        except ValueError:
            number = float("nan")
        if not 0.0 <= number <= 1.0:
            raise Refusal(
                tr("“{value}” cannot be a threshold: it must be from 0 to 1.", value=clip(value))
            )
        # With as many digits as are shown, and without the sign of -0.
        return round(number, 7) + 0.0


def clip(value: object, length: int = 60) -> str:
    """A value as it may be quoted back: short, on one line, without markup."""
    text = " ".join(str(value).split())
    text = text if len(text) <= length else text[: length - 1] + "…"
    return discord.utils.escape_markdown(text)


class HexwardTree(app_commands.CommandTree[discord.Client]):
    """The commands, who may use them, and the one place that tells people what went wrong."""

    def __init__(self, client: discord.Client) -> None:
        super().__init__(client)
        self.running = Running("commands", _MOST_COMMANDS)

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Ask for a command's default permissions once more, on our side.

        Discord hides a command from members without them, but an override in the server's
        integration settings, or another Discord-compatible server, may let anybody call it.
        """
        if self.running.closing or self.running.full:
            raise Refusal(tr("Hexward is busy or about to stop. Try again in a moment."))
        self.running.follow()
        completes = interaction.type is discord.InteractionType.autocomplete
        if not completes and not await acquainted(interaction, _ACQUAINTED_S):
            raise Refusal(just_started())
        command = interaction.command
        if command is None:
            return True
        root = getattr(command, "root_parent", None) or command
        # Discord knows permissions of whole groups only; one command of a group may ask for more.
        asked = (root.default_permissions, command.default_permissions)
        wanted = discord.Permissions.none()
        for permissions in asked:
            wanted |= permissions or discord.Permissions.none()
        lacking = lacking_permissions(interaction, wanted)
        if not lacking:
            return True
        if completes:
            await _offer_nothing(interaction)
            return False
        raise app_commands.MissingPermissions(lacking)

    async def on_error(
        self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError, /
    ) -> None:
        if interaction.type is discord.InteractionType.autocomplete:
            await _offer_nothing(interaction)
            return
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        name = interaction.command.qualified_name if interaction.command else "a command"
        if isinstance(cause, HexwardError):
            sentence = explained(cause)
        elif isinstance(cause, Refusal):
            sentence = str(cause)
        elif isinstance(cause, app_commands.MissingPermissions):
            sentence = tr(
                "This needs the permission {names} in this server.",
                names=permission_captions(cause.missing_permissions),
            )
        elif isinstance(cause, app_commands.NoPrivateMessage):
            sentence = tr("This works in servers only, not in direct messages.")
        elif isinstance(cause, app_commands.TransformerError):
            sentence = tr("“{value}” cannot be used here.", value=clip(cause.value))
        elif isinstance(
            cause, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch
        ):
            sentence = tr("This command has changed. Reload Discord (Ctrl+R) and try again.")
        elif isinstance(cause, discord.HTTPException) and cause.code in _NOT_WAITING:
            log.warning("/%s: Discord does not wait for an answer any more", name)
            return
        else:
            log.error("/%s failed: %s", name, describe(cause))
            sentence = went_wrong()
        await answer(interaction, sentence)


async def _offer_nothing(interaction: discord.Interaction[Any]) -> None:
    """Answer who is typing an option; they can be told nothing but choices."""
    if not interaction.response.is_done():
        with contextlib.suppress(*DISCORD_FAULTS):
            await interaction.response.autocomplete([])


def lacking_permissions(
    interaction: discord.Interaction[Any], wanted: discord.Permissions
) -> list[str]:
    """Which of the wanted permissions the member lacks where they used a command or clicked."""
    has = _permissions(interaction)
    if has.administrator or wanted.is_subset(has):
        return []
    return [name for name, on in wanted if on and not getattr(has, name)]


def _permissions(interaction: discord.Interaction[Any]) -> discord.Permissions:
    """The member's permissions in the channel, as the event states them or, if not, computed."""
    stated, user = interaction.permissions, interaction.user
    channel = interaction.channel
    if stated.value or not isinstance(user, discord.Member):
        return stated
    if isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return permissions_in(channel, user)
    return user.guild_permissions


def explained(error: HexwardError) -> str:
    """An error as it is told to members: without what only the host can mend or should see."""
    match error:
        case Overloaded(waiting=waiting, server_id=None):
            return tr(
                "The scoring queue is full ({waiting} texts waiting). Try again shortly.",
                waiting=waiting,
            )
        case Overloaded(waiting=waiting):
            return tr(
                "This server's scoring queue is full ({waiting} texts waiting). Try again shortly.",
                waiting=waiting,
            )
        case EngineClosed():
            return tr("Hexward is shutting down; nothing more is scored.")
        case DatabaseError():
            log.error("A member was told that the database failed: %s", error)
            return tr("The database could not be used just now. The host's log says why.")
        case _:
            return str(error)


def went_wrong() -> str:
    """What is said of a fault that nobody foresaw."""
    return tr("Something went wrong here. The host's log says more.")


async def answer(
    interaction: discord.Interaction[Any],
    content: str | None = None,
    *,
    embed: discord.Embed | None = None,
    files: Sequence[discord.File] = (),
    view: discord.ui.View | None = None,
) -> None:
    """Reply so that only the asking member sees it, whether or not the command deferred."""
    embeds = [] if embed is None else [embed]
    shown: Any = discord.utils.MISSING if view is None else view
    try:
        if interaction.response.is_done():
            await interaction.followup.send(
                content or "", embeds=embeds, files=files, view=shown, ephemeral=True
            )
        else:
            await interaction.response.send_message(
                content, embeds=embeds, files=files, view=shown, ephemeral=True
            )
    except Exception as error:
        # The member has gone, the token has expired: there is nobody left to tell.
        log.warning("A reply could not be delivered: %s", describe(error))
