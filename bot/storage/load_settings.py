"""The rows of a server → its settings, in one reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, select

from bot.labels import Label
from bot.rules import Action, Measure, Mode, Step
from bot.storage import schema
from bot.storage.server_settings import (
    ExemptionKind,
    Notice,
    NoticeWay,
    Own,
    ServerSettings,
)

T = TypeVar("T")

# The scope of `schema.actions` that is not a channel.
WHOLE_SERVER = 0


def load_settings(server_id: int, connection: Connection) -> ServerSettings:
    """Read everything a server chose."""
    row = connection.execute(
        select(schema.servers).where(schema.servers.c.server_id == server_id)
    ).one_or_none()
    if row is None:
        return ServerSettings(server_id)
    exempt = _exemptions(server_id, connection)
    measures = _measures(server_id, connection)
    return ServerSettings(
        server_id=server_id,
        preset=row.preset,
        overrides=_thresholds(server_id, connection),
        log_channel_id=row.log_channel_id,
        exempt_moderators=row.exempt_moderators,
        exempt_bots=row.exempt_bots,
        exempt_role_ids=exempt[ExemptionKind.ROLE],
        exempt_channel_ids=exempt[ExemptionKind.CHANNEL],
        mode=Mode(row.mode),
        measures=in_order(measures.pop(WHOLE_SERVER, {})),
        places=_places(server_id, measures, connection),
        escalation=_escalation(server_id, connection),
        notice=Notice(NoticeWay(row.notice), row.notice_text),
        screen_titles=row.screen_titles,
        screen_names=row.screen_names,
        language=row.language,
    )


def _thresholds(server_id: int, connection: Connection) -> Mapping[Label, float]:
    table = schema.thresholds
    rows = connection.execute(
        select(table.c.label, table.c.value).where(table.c.server_id == server_id)
    )
    return in_order({Label(label): value for label, value in rows})


def _exemptions(server_id: int, connection: Connection) -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {kind: set() for kind in ExemptionKind}
    table = schema.exemptions
    for kind, target_id in connection.execute(
        select(table.c.kind, table.c.target_id).where(table.c.server_id == server_id)
    ):
        found[kind].add(target_id)
    return {kind: frozenset(ids) for kind, ids in found.items()}


def _measures(server_id: int, connection: Connection) -> dict[int, dict[Label, Measure]]:
    found: dict[int, dict[Label, Measure]] = defaultdict(dict)
    table = schema.actions
    for row in connection.execute(select(table).where(table.c.server_id == server_id)):
        found[row.scope_id][Label(row.label)] = measure_of(row)
    return found


def measure_of(row: Row[Any]) -> Measure:
    """What a row of the table of actions says."""
    timeout = None if row.timeout_s is None else timedelta(seconds=row.timeout_s)
    return Measure(Action(row.action), timeout)


def _places(
    server_id: int, measures: Mapping[int, Mapping[Label, Measure]], connection: Connection
) -> Mapping[int, Own]:
    values: dict[int, dict[Label, float]] = defaultdict(dict)
    table = schema.channel_thresholds
    for row in connection.execute(select(table).where(table.c.server_id == server_id)):
        values[row.channel_id][Label(row.label)] = row.value
    return MappingProxyType(
        {
            channel_id: Own(
                in_order(values.get(channel_id, {})), in_order(measures.get(channel_id, {}))
            )
            for channel_id in sorted({*values, *measures})
        }
    )


def _escalation(server_id: int, connection: Connection) -> tuple[Step, ...]:
    table = schema.escalation
    rows = connection.execute(
        select(table).where(table.c.server_id == server_id).order_by(table.c.flags)
    )
    return tuple(
        Step(row.flags, timedelta(seconds=row.window_s), timedelta(seconds=row.timeout_s))
        for row in rows
    )


def in_order(values: Mapping[Label, T]) -> Mapping[Label, T]:
    """The same, in the order of the labels."""
    return MappingProxyType({label: values[label] for label in Label if label in values})
