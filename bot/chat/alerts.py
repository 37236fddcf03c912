"""From a flag to what its card shows."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.chat.alert_card import Alert, Background
from bot.chat.carried import Carried
from bot.chat.flag import Flag
from bot.chat.revisions import AS_POSTED
from bot.rules import Action
from bot.screening.policy import Decision
from bot.storage.decisions import RecordedDecision


def alert_of(flag: Flag, carried: Carried, background: Background) -> Alert:
    """What the card of a flag shows."""
    message = flag.message
    return Alert(
        decision=flag.decision,
        decision_id=flag.decision_id,
        text=flag.surface.text,
        surface=flag.surface.name,
        author_id=message.author.id,
        person=message.webhook_id is None and not message.author.bot,
        by_webhook=message.webhook_id is not None,
        author_name=message.author.name,
        channel_id=message.channel.id,
        jump_url=message.jump_url,
        posted_at=message.created_at,
        edited=message.edited_at is not None,
        model_version=flag.model_version,
        now=datetime.now(UTC),
        carried=carried,
        background=background,
    )


def late_alert_of(
    decision: RecordedDecision, server_id: int, carried: Carried, background: Background
) -> Alert:
    """What can be shown of a message that is gone."""
    place = f"{server_id}/{decision.channel_id}/{decision.message_id}"
    return Alert(
        decision=Decision(
            decision.scores,
            decision.thresholds,
            decision.labels_over,
            Action(decision.action),
            decision.mode,
            decision.timeout,
        ),
        decision_id=decision.id,
        text="",
        surface=decision.surface,
        author_id=decision.author_id,
        channel_id=decision.channel_id,
        jump_url=f"https://discord.com/channels/{place}",
        posted_at=decision.message_created_at,
        edited=decision.revision != AS_POSTED,
        model_version=decision.model_version,
        now=decision.decided_at,
        carried=carried,
        background=background,
    )
