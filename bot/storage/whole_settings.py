"""Everything that a server chose at once: read in one reading, replaced in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection, Table, delete

from bot.labels import Label
from bot.rules import Measure
from bot.storage import schema
from bot.storage.load_settings import WHOLE_SERVER, load_settings
from bot.storage.privacy import chosen as load_privacy
from bot.storage.privacy import put_privacy
from bot.storage.server_settings import ExemptionKind, ServerSettings
from bot.storage.settings_cache import SettingsCache, set_column
from bot.storage.settings_file import Chosen

_TABLES = (
    schema.thresholds,
    schema.channel_thresholds,
    schema.actions,
    schema.escalation,
    schema.exemptions,
)


class WholeSettings(SettingsCache):
    """The part of `Servers` that takes and gives a server's settings as one."""

    async def chosen(self, server_id: int) -> Chosen:
        """Everything that a server chose, as it is in the database."""
        return await self._database.read(partial(_load, server_id))

    async def replace_all(self, before: Chosen, after: Chosen) -> bool:
        """Put everything that a server chose in the place of what it chose before.

        Returns
        -------
        bool
            ``False``: it has chosen something else than `before` meanwhile, and nothing was
            changed.
        """
        server_id = before.settings.server_id

        def operation(connection: Connection) -> bool:
            if _load(server_id, connection) != before:
                return False
            _store(after, connection)
            return True

        replaced = await self._write(server_id, operation)
        if replaced:
            self._note_language(server_id, after.settings.language)
        return replaced


def _load(server_id: int, connection: Connection) -> Chosen:
    kept = load_privacy(server_id, connection)
    return Chosen(load_settings(server_id, connection), kept.retention_days, kept.excerpt_days)


def _store(chosen: Chosen, connection: Connection) -> None:
    settings = chosen.settings
    server_id = settings.server_id
    for column, value in {
        "preset": settings.preset,
        "log_channel_id": settings.log_channel_id,
        "exempt_moderators": settings.exempt_moderators,
        "exempt_bots": settings.exempt_bots,
        "mode": settings.mode.value,
        "notice": settings.notice.way.value,
        "notice_text": settings.notice.text,
        "screen_titles": settings.screen_titles,
        "screen_names": settings.screen_names,
        "language": settings.language,
    }.items():
        set_column(connection, server_id, column, value)
    for table in _TABLES:
        connection.execute(delete(table).where(table.c.server_id == server_id))
    rows: dict[Table, list[dict[str, object]]] = {
        schema.thresholds: [
            {"label": label.value, "value": value} for label, value in settings.overrides.items()
        ],
        schema.channel_thresholds: [
            {"channel_id": channel_id, "label": label.value, "value": value}
            for channel_id, own in settings.places.items()
            for label, value in own.thresholds.items()
        ],
        schema.actions: _actions(settings),
        schema.escalation: [
            {
                "flags": step.flags,
                "window_s": _seconds(step.window),
                "timeout_s": _seconds(step.timeout),
            }
            for step in settings.escalation
        ],
        schema.exemptions: [
            {"kind": kind.value, "target_id": target_id}
            for kind, ids in (
                (ExemptionKind.ROLE, settings.exempt_role_ids),
                (ExemptionKind.CHANNEL, settings.exempt_channel_ids),
            )
            for target_id in ids
        ],
    }
    for table, values in rows.items():
        if values:
            connection.execute(
                schema.insert(connection, table), [{"server_id": server_id} | row for row in values]
            )
    put_privacy(
        [server_id],
        connection,
        retention_days=chosen.retention_days,
        excerpt_days=chosen.excerpt_days,
    )


def _actions(settings: ServerSettings) -> list[dict[str, object]]:
    scopes: dict[int, Mapping[Label, Measure]] = {WHOLE_SERVER: settings.measures}
    scopes |= {channel_id: own.measures for channel_id, own in settings.places.items()}
    return [
        {
            "scope_id": scope_id,
            "label": label.value,
            "action": measure.action.value,
            "timeout_s": None if measure.timeout is None else _seconds(measure.timeout),
        }
        for scope_id, measures in scopes.items()
        for label, measure in measures.items()
    ]


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
