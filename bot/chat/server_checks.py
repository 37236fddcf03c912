"""What in a server keeps the bot from its work: permissions, roles, the log channel, the rules.

The same is told by ``/doctor``, at the end of ``/setup`` and, without Discord's markup, by
``python -m bot doctor``. Nothing but the log channel is asked of Discord.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import discord

from bot.chat.deeds import MEANS
from bot.chat.deeds.means import listed
from bot.chat.findings import Finding, Level
from bot.chat.log_channel import Trouble, find_log_channel, is_public
from bot.chat.lookup import missing_permissions
from bot.chat.readiness import wanted
from bot.language import tr
from bot.rules import Mode
from bot.storage.decisions import Outcome
from bot.storage.server_settings import NoticeWay, ServerSettings

_READ = ("view_channel", "read_message_history")
_VIEW = "View Channel"


async def check_server(server: discord.Guild, settings: ServerSettings) -> list[Finding]:
    """Look at everything that this server decides.

    Raises
    ------
    discord.DiscordException
        If Discord does not say whether the log channel is there.
    """
    return [
        *await check_log_channel(server, settings),
        *_check_exemptions(settings),
        *check_reading(server, settings),
        check_mode(settings),
        *check_deeds(server, settings),
        *_check_notices(server, settings),
    ]


def _check_exemptions(settings: ServerSettings) -> Iterator[Finding]:
    # The role that all members have bears the server's id.
    if settings.server_id in settings.exempt_role_ids:
        yield Finding(
            Level.BAD,
            tr("Exemptions"),
            tr("The role @everyone is exempt, so nobody’s messages are screened."),
            tr("Take it back: /exempt remove role:@everyone."),
        )


def check_reading(server: discord.Guild, settings: ServerSettings) -> Iterator[Finding]:
    """Where messages cannot be read. Exempt channels do not count."""
    subject = tr("Reading")
    blind: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for channel in _screened(server, settings):
        if lacking := missing_permissions(channel, _READ):
            blind[tuple(lacking)].append(channel.mention)
    for lacking_there, names in blind.items():
        channels = listed(names)
        if _VIEW in lacking_there:
            what = tr("I cannot see {channels}, so nothing there is screened.", channels=channels)
            remedy = tr(
                "Give my role View Channel and Read Message History there; or leave it, if that is "
                "meant so."
            )
        else:
            what = tr(
                "In {channels} I lack Read Message History: what is posted there while I am away "
                "is not screened.",
                channels=channels,
            )
            remedy = tr("Give my role Read Message History there.")
        yield Finding(Level.DOUBTFUL, subject, what, remedy)
    if not blind:
        yield Finding(Level.GOOD, subject, tr("I can read every channel that is not exempt."))


async def check_log_channel(server: discord.Guild, settings: ServerSettings) -> list[Finding]:
    """Whether alerts can be posted, and pictures with them.

    Raises
    ------
    discord.DiscordException
        If Discord does not say whether the channel is there.
    """
    subject = tr("Log channel")
    found = await find_log_channel(server, settings.log_channel_id)
    if isinstance(found, Trouble):
        return [_trouble(found, settings)]
    if not isinstance(found, discord.abc.GuildChannel | discord.Thread):
        return []
    channel = found.mention
    findings = []
    if missing_permissions(found, ("attach_files",)):
        findings.append(
            Finding(
                Level.DOUBTFUL,
                subject,
                tr("In {channel} I cannot post pictures and files.", channel=channel),
                tr("Give my role Attach Files there."),
            )
        )
    if is_public(found):
        findings.append(
            Finding(
                Level.DOUBTFUL,
                subject,
                tr(
                    "Everybody can read {channel}, and alerts show what was flagged and who wrote "
                    "it.",
                    channel=channel,
                ),
                tr("Choose a channel that only moderators can read: /setup."),
            )
        )
    posted = tr("Alerts are posted in {channel}.", channel=channel)
    return findings or [Finding(Level.GOOD, subject, posted)]


def _trouble(trouble: Trouble, settings: ServerSettings) -> Finding:
    subject = tr("Log channel")
    choose = tr("Choose one with /setup or /logchannel set.")
    match trouble.outcome:
        case Outcome.NO_LOG_CHANNEL:
            what = tr("No log channel is set, so nobody sees alerts.")
            return Finding(Level.DOUBTFUL, subject, what, choose)
        case Outcome.LOG_CHANNEL_GONE:
            what = tr("The log channel is gone, so nobody sees alerts.")
            return Finding(Level.BAD, subject, what, choose)
        case _:
            what = tr(
                "Alerts belong in {channel}, but there I lack {permissions}, so nobody sees them.",
                channel=f"<#{settings.log_channel_id}>",
                permissions=trouble.lacking,
            )
            remedy = tr(
                "Give my role that in the channel’s own permissions, or choose another channel."
            )
            return Finding(Level.BAD, subject, what, remedy)


def check_mode(settings: ServerSettings) -> Finding:
    """Whether the mode fits what was chosen for the labels."""
    subject = tr("Mode")
    acts = wanted(settings).acts
    if settings.mode is Mode.ENFORCE and not acts:
        return Finding(
            Level.DOUBTFUL,
            subject,
            tr("This server enforces, but no label does more than alert."),
            tr("Choose what is done with /setup or /actions set."),
        )
    if settings.mode is Mode.ENFORCE:
        told = tr("This server enforces: actions are carried out.")
    elif acts:
        told = tr("This server observes: nothing is done, and cards say what would have been.")
    else:
        told = tr("This server observes, and flags are alerts only.")
    return Finding(Level.GOOD, subject, told)


def check_deeds(server: discord.Guild, settings: ServerSettings) -> Iterator[Finding]:
    """What cannot be done by the rules, or by moderators with the buttons under alerts.

    What the rules do not ask for, or what this server only observes, is doubtful; what is asked for
    and cannot be done is bad.
    """
    subject = tr("Actions")
    if server.me is None:  # a server that did not say who we are there: let the deeds tell
        return
    strongest = wanted(settings)
    fine = True
    for means in MEANS:
        asked = strongest.acts and means.action.strength <= strongest.strength
        urgent = asked and settings.mode is Mode.ENFORCE
        for sentence in means.shortcomings(server, settings):
            fine = False
            yield Finding(Level.BAD if urgent else Level.DOUBTFUL, subject, sentence)
    if fine:
        told = tr(
            "I can delete messages and time out members; my role stands above those of ordinary "
            "members."
        )
        yield Finding(Level.GOOD, subject, told)


def _check_notices(server: discord.Guild, settings: ServerSettings) -> Iterator[Finding]:
    if settings.notice.way is not NoticeWay.CHANNEL:
        return
    mute = [
        channel.mention
        for channel in _screened(server, settings)
        if not isinstance(channel, discord.ForumChannel)
        and not missing_permissions(channel, ("view_channel",))
        and missing_permissions(channel, ("send_messages",))
    ]
    if mute:
        yield Finding(
            Level.DOUBTFUL,
            tr("Notices"),
            tr(
                "Authors are to be told in the channel, but I cannot write in {channels}.",
                channels=listed(mute),
            ),
            tr("Give my role Send Messages there, or tell them with /notice dm."),
        )


def _screened(
    server: discord.Guild, settings: ServerSettings
) -> Iterator[discord.abc.GuildChannel]:
    """The channels in which members write and that are not exempt."""
    kinds: tuple[Sequence[discord.abc.GuildChannel], ...] = (
        server.text_channels,
        server.voice_channels,
        server.stage_channels,
        server.forums,
    )
    for channels in kinds:
        for channel in channels:
            if not {channel.id, channel.category_id} & settings.exempt_channel_ids:
                yield channel
