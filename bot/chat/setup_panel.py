"""The setup panel: everything a new server has to choose, on one page that a phone can show.

A panel follows from the server's settings alone, so it can be drawn again at any time. Discord
takes 40 components and 4,000 characters of text in one message; the parts whose length depends on
the server are cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord

from bot.chat.captions import preset_caption, reads_english_only
from bot.chat.findings import Finding, Level, problems, told
from bot.chat.own_channel import can_make
from bot.chat.ready_made import ReadyMade, chosen, in_menu
from bot.chat.setup_parts import (
    AS_ON_DISCORD,
    LOG_CHANNELS,
    MOST_SHOWN,
    Part,
    SetupPart,
    button,
    channel_menu,
    log_channel_menu,
    menu,
    role_menu,
)
from bot.labels import Label
from bot.language import language_name, language_of, languages, tr, trn
from bot.rules import Mode
from bot.screening.artifact import PRESET_NAMES, PresetName
from bot.screening.presets import Presets
from bot.storage.server_settings import ServerSettings

_ACCENT = discord.Colour.blurple()
_MOST_ABOUT_CHANNEL = 500
_MOST_PROBLEMS = 900


def setup_panel(
    server: discord.Guild,
    settings: ServerSettings,
    presets: Presets,
    about_channel: Sequence[Finding],
    findings: Sequence[Finding],
) -> discord.ui.LayoutView:
    """The panel with the present values.

    Parameters
    ----------
    about_channel
        What there is to say about the log channel.
    findings
        What else keeps the bot from its work.
    """
    view = discord.ui.LayoutView(timeout=None)
    box: discord.ui.Container[Any] = discord.ui.Container(accent_colour=_ACCENT)
    view.add_item(box)
    title = tr("## Set up Hexward")
    intro = tr("Each choice counts as soon as it is made, and can be changed at any time.")
    _say(box, f"{title}\n{intro}")
    for section in (
        _channel_section(server, settings, about_channel),
        _preset_section(settings, presets),
        _action_section(settings),
        _exempt_section(server, settings),
        _last_section(about_channel, findings),
    ):
        box.add_item(discord.ui.Separator())
        for item in section:
            if isinstance(item, str):
                _say(box, item)
            else:
                box.add_item(discord.ui.ActionRow(*item))
    return view


Section = list[str | tuple[SetupPart, ...]]


def _say(box: discord.ui.Container[Any], text: str) -> None:
    box.add_item(discord.ui.TextDisplay(text))


def _channel_section(
    server: discord.Guild, settings: ServerSettings, about: Sequence[Finding]
) -> Section:
    channel = server.get_channel_or_thread(settings.log_channel_id or 0)
    if channel is not None and channel.type not in LOG_CHANNELS:
        channel = None
    heading = tr("### 1. Where alerts go")
    # Another channel is chosen right below; how to open this one has to be said.
    state = told(
        [
            Finding(
                one.level, "", one.what, one.remedy if one.level is Level.BAD and channel else ""
            )
            for one in about
        ],
        _MOST_ABOUT_CHANNEL,
    )
    section: Section = [
        f"{heading}\n{state}",
        (log_channel_menu(tr("A channel for moderators only"), channel),),
    ]
    if channel is None and can_make(server):
        section.append((button(Part.MAKE_CHANNEL, tr("Make a private channel for me")),))
    section.append(tr("The language of what I post in this server:"))
    section.append((_language_menu(server, settings),))
    return section


def _language_menu(server: discord.Guild, settings: ServerSettings) -> SetupPart:
    own = language_name(language_of(str(server.preferred_locale)))
    options = [
        discord.SelectOption(
            label=tr("As on Discord: {language}", language=own),
            value=AS_ON_DISCORD,
            default=settings.language not in languages(),
        )
    ]
    options += [
        discord.SelectOption(
            label=language_name(language),
            value=language,
            default=language == settings.language,
        )
        for language in languages()[: MOST_SHOWN - 1]
    ]
    return menu(Part.LANGUAGE, tr("Choose a language"), options)


def _preset_section(settings: ServerSettings, presets: Presets) -> Section:
    lines = [tr("### 2. How much is flagged")]
    options = []
    for name in PRESET_NAMES:
        what = _meaning(name)
        lines.append(f"**{preset_caption(name)}** · {what}{_measured(presets, name)}")
        selected = name == settings.preset
        options.append(
            discord.SelectOption(
                label=preset_caption(name), value=name, description=what, default=selected
            )
        )
    lines.append(reads_english_only())
    own = len(settings.overrides)
    if own:
        lines.append(
            trn(
                "-# {count} threshold was set by hand; another preset replaces it.",
                "-# {count} thresholds were set by hand; another preset replaces them.",
                own,
            )
        )
    return ["\n".join(lines), (menu(Part.PRESET, tr("Choose a preset"), options),)]


def _meaning(preset: PresetName) -> str:
    match preset:
        case "relaxed":
            return tr("Only what is near certain.")
        case "balanced":
            return tr("The usual choice.")
        case "strict":
            return tr("Flags more, and errs more.")


def _measured(presets: Presets, preset: PresetName) -> str:
    rule = presets.measured(preset, Label.TOXIC)
    if rule is None or rule.precision is None or rule.recall is None:
        return ""
    measured = tr(
        "Of 100 flags for Toxic {right:.0f} were right; {found:.0f} of 100 toxic texts were found.",
        right=rule.precision * 100,
        found=rule.recall * 100,
    )
    return f"\n-# {measured}"


def _action_section(settings: ServerSettings) -> Section:
    lines = [tr("### 3. What is done about a flag")]
    ready_made = chosen(settings.measures)
    options = []
    for choice in ReadyMade:
        words = in_menu(choice)
        options.append(
            discord.SelectOption(
                label=words.name,
                value=choice.value,
                description=words.description,
                default=choice is ready_made,
            )
        )
    observing = settings.mode is Mode.OBSERVE
    if observing:
        lines.append(
            tr("**Observing**: nothing is done yet; cards say what would have been. A good start.")
        )
    else:
        lines.append(tr("**Enforcing**: what is chosen here is carried out."))
    if ready_made is None:
        lines.append(tr("The actions were chosen label by label; a choice here replaces them."))
    lines.append(
        tr("-# For single labels and channels: `/actions set`. For repeated flags: `/escalation`.")
    )
    modes = [
        discord.SelectOption(
            label=tr("Observe"),
            value=Mode.OBSERVE.value,
            description=tr("Act on nothing; show what would have been done."),
            default=observing,
        ),
        discord.SelectOption(
            label=tr("Enforce"),
            value=Mode.ENFORCE.value,
            description=tr("Carry the actions out."),
            default=not observing,
        ),
    ]
    return [
        "\n".join(lines),
        (menu(Part.ACTIONS, tr("As chosen with /actions"), options),),
        (menu(Part.MODE, tr("Choose a mode"), modes),),
    ]


def _exempt_section(server: discord.Guild, settings: ServerSettings) -> Section:
    roles = sorted(one for one in settings.exempt_role_ids if server.get_role(one))
    channels = sorted(
        one for one in settings.exempt_channel_ids if server.get_channel_or_thread(one)
    )
    lines = [tr("### 4. Who is left alone")]
    moderators, bots = settings.exempt_moderators, settings.exempt_bots
    lines.append(
        tr("Members who can manage messages are not screened.")
        if moderators
        else tr("Members who can manage messages are screened like everybody else.")
    )
    lines.append(
        tr("Other bots and webhooks are not screened.")
        if bots
        else tr("Other bots and webhooks are screened.")
    )
    hidden = max(len(roles) - MOST_SHOWN, 0) + max(len(channels) - MOST_SHOWN, 0)
    if hidden:
        lines.append(
            trn(
                "-# {count} more exemption is shown by `/exempt list`.",
                "-# {count} more exemptions are shown by `/exempt list`.",
                hidden,
            )
        )
    return [
        "\n".join(lines),
        (role_menu(tr("Roles that are not screened"), roles[:MOST_SHOWN]),),
        (channel_menu(tr("Channels that are not screened"), channels[:MOST_SHOWN]),),
        (
            button(Part.MODERATORS_OFF, tr("Screen moderators"))
            if moderators
            else button(Part.MODERATORS_ON, tr("Do not screen moderators")),
            button(Part.BOTS_OFF, tr("Screen bots"))
            if bots
            else button(Part.BOTS_ON, tr("Do not screen bots")),
        ),
    ]


def _last_section(about_channel: Sequence[Finding], findings: Sequence[Finding]) -> Section:
    heading = tr("### 5. Does it work?")
    wrong = problems(findings)
    if unwell := problems(about_channel):
        level = unwell[0].level
        if level is Level.BAD:
            told_above = tr("Alerts cannot be posted: see 1.")
        else:
            told_above = tr("Where alerts go needs a look: see 1.")
        wrong = problems([Finding(level, "", told_above), *wrong])
    state = told(wrong, _MOST_PROBLEMS) if wrong else tr("✅ I have every permission I need.")
    explained = tr(
        "-# The button looks at everything and sends a test message the whole way to the log "
        "channel. Nobody is acted on."
    )
    press = button(Part.TRY, tr("Check and send a test"), discord.ButtonStyle.primary)
    return [f"{heading}\n{state}\n{explained}", (press,)]
