"""``/log``: what was decided in this server, for its moderators."""

from __future__ import annotations

import asyncio
import io
import logging
import re
from datetime import UTC, datetime
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat import decision_rows
from bot.chat.channel_option import AnyChannel
from bot.chat.client import Hexward
from bot.chat.commands import (
    LabelOption,
    Refusal,
    answer,
    clip,
    explained,
    lacking_permissions,
    server_id,
    server_of,
)
from bot.chat.journal_card import PER_PAGE, page_card
from bot.chat.journal_query import PageButton, Query, page_view
from bot.errors import DatabaseError
from bot.labels import Label
from bot.language import tr, trn
from bot.logs import describe
from bot.storage.journal import Journal, Judged, Page
from bot.storage.privacy import MOST_RETENTION_DAYS

log = logging.getLogger(__name__)

# The same that the buttons under alert cards ask for.
_READERS = discord.Permissions(manage_messages=True)

Days = app_commands.Range[int, 1, MOST_RETENTION_DAYS]

# What narrows the flags down that a command is about.
_ONLY = {
    "label": "Only flags with this label",
    "channel": "Only flags in this channel or thread",
    "verdict": "Only flags that were judged so",
    "days": "Only flags of the last days",
}

_LINK = re.compile(
    r"https?://[^\s/]+/channels/(?P<server>@me|[0-9]{1,20})/[0-9]{1,20}/(?P<id>[0-9]{1,20})/?"
)
_ID = re.compile(r"[0-9]{15,20}")
# Most of what Discord takes at all, and what it takes besides the file itself.
_MOST_BYTES, _MARGIN_BYTES = 8_000_000, 4_096
_AT_ONCE = 500
_LONGEST_LINK = 120


class JudgedOption(app_commands.Transformer):
    """How decisions were judged, offered as choices."""

    @property
    def choices(self) -> list[app_commands.Choice[str | int | float]]:
        return [
            app_commands.Choice(name="Upheld", value=Judged.UPHELD.value),
            app_commands.Choice(name="Dismissed", value=Judged.DISMISSED.value),
            app_commands.Choice(name="Not judged yet", value=Judged.NOT_YET.value),
        ]

    async def transform(self, interaction: discord.Interaction[Any], value: str, /) -> Judged:
        try:
            return Judged(str(value))
        except ValueError:
            raise Refusal(
                tr(
                    "“{value}” is no verdict. Choose Upheld, Dismissed or Not judged yet.",
                    value=clip(value),
                )
            ) from None


@app_commands.default_permissions(manage_messages=True)
@app_commands.guild_only()
class LogCommands(
    commands.GroupCog, group_name="log", group_description="What was flagged, and what came of it"
):
    """Shows decisions in pages, and hands them out as a file."""

    def __init__(self, client: Hexward, journal: Journal) -> None:
        self._journal = journal
        client.add_dynamic_items(PageButton)

    @app_commands.command()
    @app_commands.describe(**_ONLY)
    async def recent(
        self,
        interaction: discord.Interaction[Hexward],
        label: app_commands.Transform[Label, LabelOption] | None = None,
        channel: AnyChannel | None = None,
        verdict: app_commands.Transform[Judged, JudgedOption] | None = None,
        days: Days | None = None,
    ) -> None:
        """Show the latest flags in this server"""
        await interaction.response.defer(ephemeral=True)
        await self._show(interaction, _query(label, channel, verdict, days))

    @app_commands.command()
    @app_commands.describe(message="A link to the message, or its id")
    async def message(self, interaction: discord.Interaction[Hexward], message: str) -> None:
        """Show what was decided about a message"""
        await interaction.response.defer(ephemeral=True)
        message_id = _message_id(message.strip(), server_id(interaction))
        await self._show(interaction, Query(message_id=message_id))

    @app_commands.command()
    @app_commands.describe(member="Whose flags", label=_ONLY["label"], days=_ONLY["days"])
    async def member(
        self,
        interaction: discord.Interaction[Hexward],
        member: discord.User,
        label: app_commands.Transform[Label, LabelOption] | None = None,
        days: Days | None = None,
    ) -> None:
        """Show the flags of a member's messages, also of one who has left"""
        await interaction.response.defer(ephemeral=True)
        await self._show(interaction, Query(author_id=member.id, label=label, days=days))

    @app_commands.command()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.describe(
        **_ONLY,
        before="Only decisions with a smaller number than this, to go on where a file ended",
    )
    async def export(
        self,
        interaction: discord.Interaction[Hexward],
        label: app_commands.Transform[Label, LabelOption] | None = None,
        channel: AnyChannel | None = None,
        verdict: app_commands.Transform[Judged, JudgedOption] | None = None,
        days: Days | None = None,
        before: app_commands.Range[int, 1, 2**53 - 1] | None = None,
    ) -> None:
        """Get decisions as a file (CSV), without any text of messages"""
        await interaction.response.defer(ephemeral=True)
        server = server_of(interaction)
        query = _query(label, channel, verdict, days)
        most = min(server.filesize_limit, _MOST_BYTES) - _MARGIN_BYTES
        file, count, last = await self._file(server.id, query, before, most)
        if not count:
            raise Refusal(tr("There is no such decision in the log."))
        told = trn(
            "One decision, without any text. Times are UTC.",
            "{count:,} decisions, the newest first, without any text. Times are UTC.",
            count,
        )
        if last is not None:
            rest = tr(
                "More would not fit into one file. For the rest: `/log export before:{number}`.",
                number=str(last),
            )
            told = f"{told}\n{rest}"
        attached = discord.File(io.BytesIO(file), "hexward-log.csv")
        await answer(interaction, told, files=[attached])

    async def _file(
        self, server: int, query: Query, before: int | None, most: int
    ) -> tuple[bytes, int, int | None]:
        """The file, how many decisions are in it, and the last one if there are more."""
        parts, wanted = [decision_rows.header()], query.wanted(datetime.now(UTC))
        size, count, last = len(parts[0]), 0, before
        while rows := await self._journal.rows(server, wanted, before=last, most=_AT_ONCE):
            written = await asyncio.to_thread(decision_rows.lines, rows)
            for (decision, _), line in zip(rows, written, strict=True):
                if size + len(line) > most:
                    return b"".join(parts), count, last
                parts.append(line)
                size, count, last = size + len(line), count + 1, decision.id
        return b"".join(parts), count, None

    async def _show(self, interaction: discord.Interaction[Hexward], query: Query) -> None:
        now = datetime.now(UTC)
        page = await self._journal.page(server_id(interaction), query.wanted(now), most=PER_PAGE)
        card = _card(interaction, query, page, now)
        await answer(interaction, embed=card, view=page_view(query, page))

    @commands.Cog.listener()
    async def on_log_page(self, interaction: discord.Interaction[Any], button: PageButton) -> None:
        """Turn the page in place, for whoever may read the log."""
        if interaction.guild is None or lacking_permissions(interaction, _READERS):
            await answer(
                interaction, tr("This needs the permission Manage Messages in this server.")
            )
            return
        try:
            await interaction.response.defer()
            now = datetime.now(UTC)
            page = await button.turn(self._journal, interaction.guild.id, now)
            await interaction.edit_original_response(
                embed=_card(interaction, button.query, page, now),
                view=page_view(button.query, page),
            )
        except DatabaseError as error:
            await answer(interaction, explained(error))
        except discord.DiscordException as error:
            log.warning("A page of the log could not be shown: %s", describe(error))


def _query(
    label: Label | None, channel: AnyChannel | None, verdict: Judged | None, days: int | None
) -> Query:
    channel_id = None if channel is None else channel.id
    return Query(label=label, channel_id=channel_id, judged=verdict, days=days)


def _message_id(typed: str, server: int) -> int:
    """The id that a link to a message of this server ends with, or that was typed alone.

    Raises
    ------
    Refusal
        If it is something else.
    """
    link = _LINK.fullmatch(typed)
    written = typed if link is None else link["id"]
    if link is not None and link["server"] == "@me":
        raise Refusal(
            tr(
                "“{value}” is a link to a direct message. Only messages in servers are screened.",
                value=clip(typed, _LONGEST_LINK),
            )
        )
    if link is not None and int(link["server"]) != server:
        raise Refusal(
            tr(
                "“{value}” is a link to a message in another server, the one with the id {server}. "
                "This log is of this server alone.",
                value=clip(typed, _LONGEST_LINK),
                server=link["server"],
            )
        )
    if _ID.fullmatch(written) and int(written) < 2**63:
        return int(written)
    if link is not None:
        raise Refusal(
            tr(
                "“{value}” is a link, but {number} at its end cannot be the id of a message. Copy "
                "the link from the message's menu.",
                value=clip(typed, _LONGEST_LINK),
                number=written,
            )
        )
    if typed.lower().startswith(("http://", "https://")):
        raise Refusal(
            tr(
                "“{value}” is a link, but not to a message. Copy the link from the message's menu.",
                value=clip(typed, _LONGEST_LINK),
            )
        )
    raise Refusal(
        tr(
            "“{value}” is neither a link to a message nor its id. Copy the link from the "
            "message's menu.",
            value=clip(typed),
        )
    )


def _card(
    interaction: discord.Interaction[Any], query: Query, page: Page, now: datetime
) -> discord.Embed:
    server, reader = server_of(interaction), interaction.user
    if not isinstance(reader, discord.Member):
        raise app_commands.NoPrivateMessage
    card = page_card(page, server, reader, now)
    card.title = _title(query)
    card.description = "\n".join(line for line in (card.description, *_asked(query)) if line)
    return card


def _title(query: Query) -> str:
    if query.message_id is not None:
        return tr("Decisions about one message")
    if query.author_id is not None:
        return tr("Flags of one member’s messages")
    return tr("Latest flags")


def _asked(query: Query) -> list[str]:
    """What else was asked for, a line each."""
    lines = []
    if query.author_id is not None:
        lines.append(tr("Author: {who}", who=f"<@{query.author_id}>"))
    if query.channel_id is not None:
        lines.append(tr("Channel: {where}", where=f"<#{query.channel_id}>"))
    if query.label is not None:
        lines.append(tr("Label: {label}", label=query.label.caption))
    match query.judged:
        case Judged.UPHELD:
            lines.append(tr("Verdict: upheld"))
        case Judged.DISMISSED:
            lines.append(tr("Verdict: dismissed"))
        case Judged.NOT_YET:
            lines.append(tr("Verdict: none yet"))
    if query.days is not None:
        lines.append(trn("Of the last day", "Of the last {count} days", query.days))
    return lines
