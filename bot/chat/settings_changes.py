"""What would change if a server's settings were replaced: a line for each thing, for moderators."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TypeVar

from bot.chat.captions import action_caption, mode_caption, preset_caption, way_caption
from bot.chat.commands import clip
from bot.chat.durations import in_words
from bot.language import language_name, tr, trn
from bot.rules import Action, Measure, Step
from bot.storage.server_settings import ServerSettings
from bot.storage.settings_file import Chosen

K = TypeVar("K")
V = TypeVar("V")

_MOST_NAMED = 15


def changes(before: Chosen, after: Chosen) -> list[str]:
    """A line for each thing that differs; empty if nothing does."""
    return [*_rules(before.settings, after.settings), *_whom(before, after), *_kept(before, after)]


def _rules(old: ServerSettings, new: ServerSettings) -> Iterator[str]:
    if old.preset != new.preset:
        yield tr(
            "**Preset**: {before} → {after}",
            before=clip(preset_caption(old.preset)),
            after=preset_caption(new.preset),
        )
    for label, was, will in _differing(old.overrides, new.overrides):
        yield tr(
            "**{label}** flags from: {before} → {after}",
            label=label.caption,
            before=tr("as the preset") if was is None else f"{was:g}",
            after=tr("as the preset") if will is None else f"{will:g}",
        )
    for label, did, does in _differing(old.measures, new.measures):
        yield tr(
            "**{label}** has the action: {before} → {after}",
            label=label.caption,
            before=action_caption(Action.ALERT) if did is None else _measure(did),
            after=action_caption(Action.ALERT) if does is None else _measure(does),
        )
    for channel_id, was_own, will_own in _differing(old.places, new.places):
        channel = f"<#{channel_id}>"
        for label, was, will in _differing(
            was_own.thresholds if was_own else {}, will_own.thresholds if will_own else {}
        ):
            yield tr(
                "{channel}: **{label}** flags from: {before} → {after}",
                channel=channel,
                label=label.caption,
                before=tr("as around it") if was is None else f"{was:g}",
                after=tr("as around it") if will is None else f"{will:g}",
            )
        for label, did, does in _differing(
            was_own.measures if was_own else {}, will_own.measures if will_own else {}
        ):
            yield tr(
                "{channel}: **{label}** has the action: {before} → {after}",
                channel=channel,
                label=label.caption,
                before=tr("as around it") if did is None else _measure(did),
                after=tr("as around it") if does is None else _measure(does),
            )
    if old.mode is not new.mode:
        yield tr(
            "**Mode**: {before} → {after}",
            before=mode_caption(old.mode),
            after=mode_caption(new.mode),
        )
    for flags, was_step, will_step in _differing(
        {step.flags: step for step in old.escalation}, {step.flags: step for step in new.escalation}
    ):
        yield trn(
            "**Escalation after {count} flag**: {before} → {after}",
            "**Escalation after {count} flags**: {before} → {after}",
            flags,
            before=_step(was_step),
            after=_step(will_step),
        )
    if old.notice.way is not new.notice.way:
        yield tr(
            "**Notice to authors**: {before} → {after}",
            before=way_caption(old.notice.way),
            after=way_caption(new.notice.way),
        )
    if old.notice.text != new.notice.text:
        yield tr(
            "**Words of the notice**: {before} → {after}",
            before=_words(old.notice.text),
            after=_words(new.notice.text),
        )


def _whom(before: Chosen, after: Chosen) -> Iterator[str]:
    old, new = before.settings, after.settings
    if old.log_channel_id != new.log_channel_id:
        yield tr(
            "**Log channel**: {before} → {after}",
            before=_channel(old.log_channel_id),
            after=_channel(new.log_channel_id),
        )
    roles = _gone_and_come(old.exempt_role_ids, new.exempt_role_ids, "<@&{}>".format)
    channels = _gone_and_come(old.exempt_channel_ids, new.exempt_channel_ids, "<#{}>".format)
    for gone, come in (roles, channels):
        if come:
            yield tr("**No longer screened**: {places}", places=come)
        if gone:
            yield tr("**Screened again**: {places}", places=gone)
    if old.exempt_moderators != new.exempt_moderators:
        yield tr(
            "**Members who can manage messages**: {before} → {after}",
            before=_screened(not old.exempt_moderators),
            after=_screened(not new.exempt_moderators),
        )
    if old.exempt_bots != new.exempt_bots:
        yield tr(
            "**Bots and webhooks**: {before} → {after}",
            before=_screened(not old.exempt_bots),
            after=_screened(not new.exempt_bots),
        )
    if old.screen_titles != new.screen_titles:
        yield tr(
            "**Titles of threads and forum posts**: {before} → {after}",
            before=_screened(old.screen_titles),
            after=_screened(new.screen_titles),
        )
    if old.screen_names != new.screen_names:
        yield tr(
            "**Names of members**: {before} → {after}",
            before=_screened(old.screen_names),
            after=_screened(new.screen_names),
        )
    if old.language != new.language:
        yield tr(
            "**Language of what I post**: {before} → {after}",
            before=_spoken(old.language),
            after=_spoken(new.language),
        )


def _spoken(language: str | None) -> str:
    return tr("as on Discord") if language is None else language_name(language)


def _kept(before: Chosen, after: Chosen) -> Iterator[str]:
    if before.retention_days != after.retention_days:
        yield tr(
            "**Decisions are kept for**: {before} → {after}",
            before=_days(before.retention_days),
            after=_days(after.retention_days),
        )
    if before.excerpt_days != after.excerpt_days:
        yield tr(
            "**Beginnings of flagged messages are kept for**: {before} → {after}",
            before=_days(before.excerpt_days),
            after=_days(after.excerpt_days),
        )


def _differing(old: Mapping[K, V], new: Mapping[K, V]) -> Iterator[tuple[K, V | None, V | None]]:
    for key in dict.fromkeys([*old, *new]):
        if old.get(key) != new.get(key):
            yield key, old.get(key), new.get(key)


def _gone_and_come(
    old: Collection[int], new: Collection[int], mention: Callable[[int], str]
) -> tuple[str, str]:
    return (
        named([mention(one) for one in sorted(set(old) - set(new))]),
        named([mention(one) for one in sorted(set(new) - set(old))]),
    )


def named(things: Collection[str]) -> str:
    """Some of many things by name, the others by number."""
    shown, others = list(things)[:_MOST_NAMED], len(things) - _MOST_NAMED
    if others > 0:
        return trn(
            "{places} and {count} more", "{places} and {count} more", others, places=" ".join(shown)
        )
    return " ".join(shown)


def _measure(measure: Measure) -> str:
    if measure.timeout is None:
        return action_caption(measure.action)
    return tr("timeout of {duration}", duration=in_words(measure.timeout))


def _step(step: Step | None) -> str:
    if step is None:
        return tr("nothing")
    return tr(
        "within {window} a timeout of {duration}",
        window=in_words(step.window),
        duration=in_words(step.timeout),
    )


def _words(text: str | None) -> str:
    return tr("the usual ones") if text is None else f"“{clip(text)}”"


def _channel(channel_id: int | None) -> str:
    return tr("none") if channel_id is None else f"<#{channel_id}>"


def _screened(screened: bool) -> str:
    return tr("screened") if screened else tr("not screened")


def _days(days: int | None) -> str:
    return tr("not at all") if days is None else trn("{count} day", "{count} days", days)
