"""What people call permissions, presets, modes and actions: Discord's words, or ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from bot.language import number, tr, trn
from bot.rules import Action, Mode
from bot.storage.server_settings import NoticeWay

# In Discord's own words, as its settings show them. Looked up when they are needed: the language
# belongs to the task at hand.
_PERMISSIONS: Mapping[str, Callable[[], str]] = {
    "administrator": lambda: tr("Administrator"),
    "attach_files": lambda: tr("Attach Files"),
    "ban_members": lambda: tr("Ban Members"),
    "embed_links": lambda: tr("Embed Links"),
    "kick_members": lambda: tr("Kick Members"),
    "manage_channels": lambda: tr("Manage Channels"),
    "manage_guild": lambda: tr("Manage Server"),
    "manage_messages": lambda: tr("Manage Messages"),
    "manage_nicknames": lambda: tr("Manage Nicknames"),
    "manage_roles": lambda: tr("Manage Roles"),
    "manage_threads": lambda: tr("Manage Threads"),
    "moderate_members": lambda: tr("Timeout Members"),
    "read_message_history": lambda: tr("Read Message History"),
    "send_messages": lambda: tr("Send Messages"),
    "send_messages_in_threads": lambda: tr("Send Messages in Threads"),
    "view_audit_log": lambda: tr("View Audit Log"),
    "view_channel": lambda: tr("View Channel"),
}
_PRESETS: Mapping[str, Callable[[], str]] = {
    "relaxed": lambda: tr("relaxed"),
    "balanced": lambda: tr("balanced"),
    "strict": lambda: tr("strict"),
}
_ALIASES = {"timeout_members": "moderate_members", "manage_server": "manage_guild"}


def permission_caption(name: str) -> str:
    """A permission as Discord's settings call it.

    Parameters
    ----------
    name
        As discord.py names it (``manage_messages``), or in Discord's English words.
    """
    key = name.lower().replace(" ", "_")
    known = _PERMISSIONS.get(_ALIASES.get(key, key))
    return known() if known else key.replace("_", " ").replace("guild", "server").title()


def permission_captions(names: Iterable[str]) -> str:
    """Several: ``Manage Messages and Timeout Members``."""
    # Some languages put what is quoted between marks, each by itself.
    return joined([tr("{permission}", permission=permission_caption(name)) for name in names])


def preset_caption(name: str) -> str:
    """A preset of thresholds; a model may bring some whose names nobody has translated."""
    known = _PRESETS.get(name)
    return known() if known else name


def action_caption(action: Action) -> str:
    """An action, in a word."""
    match action:
        case Action.LOG:
            return tr("log")
        case Action.ALERT:
            return tr("alert")
        case Action.DELETE:
            return tr("delete")
        case Action.TIMEOUT:
            return tr("timeout")
        case Action.NONE:
            return tr("nothing")


def mode_caption(mode: Mode) -> str:
    """A server's mode, in a word."""
    match mode:
        case Mode.OBSERVE:
            return tr("observe")
        case Mode.ENFORCE:
            return tr("enforce")


def way_caption(way: NoticeWay) -> str:
    """How authors are told, in a word."""
    match way:
        case NoticeWay.OFF:
            return tr("off")
        case NoticeWay.CHANNEL:
            return tr("channel")
        case NoticeWay.DM:
            return tr("dm")


def mode_line(mode: Mode) -> str:
    """A server's mode, as cards name it."""
    match mode:
        case Mode.OBSERVE:
            return tr("Mode: observe")
        case Mode.ENFORCE:
            return tr("Mode: enforce")


def percent_caption(part: float) -> str:
    """A part of a whole as people read it, ``25%``; with more digits where it would be none."""
    form = ",.0f" if part >= 0.0995 or not part else ",.2g"
    return tr("{percent}%", percent=number(part * 100, form))


def day_caption(day: date) -> str:
    """A day as short as it can be; each language has its own order."""
    return tr("{month}/{day}", month=day.month, day=day.day)


def joined(things: Sequence[str]) -> str:
    """Things that all hold: ``one, two and three``."""
    if len(things) < 2:
        return "".join(things)
    return tr("{others} and {last}", others=", ".join(things[:-1]), last=things[-1])


def and_more(things: Sequence[str], more: int, separator: str = ", ") -> str:
    """The first of many things, and how many more there are."""
    shown = separator.join(things)
    if more <= 0:
        return shown
    return trn("{shown} and {count:,} more", "{shown} and {count:,} more", more, shown=shown)


def reads_english_only() -> str:
    """The limit of the model, for those who would take the bot's language for the model's."""
    return tr("-# The model reads English only; scores of other languages mean little.")
