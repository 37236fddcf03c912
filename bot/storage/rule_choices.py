"""When a server flags, and what it does then: thresholds, actions, escalation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import Connection, Delete, Table, delete, func, select

from bot.labels import Label
from bot.rules import Measure, Step
from bot.storage import schema
from bot.storage.load_settings import WHOLE_SERVER, in_order, measure_of
from bot.storage.server_settings import MOST_STEPS
from bot.storage.settings_cache import SettingsCache


class RuleChoices(SettingsCache):
    """The part of `Servers` that writes rules.

    A scope is the id of a category, channel, forum or thread; None is the whole server.
    """

    async def set_threshold(
        self, server_id: int, label: Label, value: float, *, channel_id: int | None = None
    ) -> None:
        """Give a label its own threshold, in this server or in one scope.

        Raises
        ------
        ValueError
            If `value` is not a number from 0 to 1.
        """
        await self.set_thresholds(server_id, {label: value}, channel_id=channel_id)

    async def set_thresholds(
        self, server_id: int, values: Mapping[Label, float], *, channel_id: int | None = None
    ) -> None:
        """Give several labels their own thresholds, all of them or none.

        Raises
        ------
        ValueError
            If a value is not a number from 0 to 1.
        """
        for value in values.values():
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"threshold {value!r}: a number from 0 to 1 is needed")
        scope: dict[str, object] = {"server_id": server_id}
        table = schema.thresholds
        if channel_id is not None:
            table = schema.channel_thresholds
            scope["channel_id"] = channel_id

        def operation(connection: Connection) -> None:
            for label, value in values.items():
                _put(connection, table, scope | {"label": label.value}, {"value": float(value)})

        await self._write(server_id, operation)

    async def reset_threshold(
        self, server_id: int, label: Label | None = None, *, channel_id: int | None = None
    ) -> None:
        """Go back to what lies below: the preset, or for a scope the server's own values.

        Parameters
        ----------
        label
            None: all six.
        """
        table = schema.thresholds if channel_id is None else schema.channel_thresholds
        statement = _of_label(table, server_id, label)
        if channel_id is not None:
            statement = statement.where(table.c.channel_id == channel_id)
        await self._write(server_id, lambda connection: connection.execute(statement).close())

    async def set_measure(
        self, server_id: int, label: Label, measure: Measure, *, channel_id: int | None = None
    ) -> None:
        """Choose what is done about a label, in this server or in one scope."""
        await self.set_measures(server_id, {label: measure}, channel_id=channel_id)

    async def set_measures(
        self, server_id: int, measures: Mapping[Label, Measure], *, channel_id: int | None = None
    ) -> None:
        """Choose what is done about several labels, all of them or none."""
        scope_id = WHOLE_SERVER if channel_id is None else channel_id

        def operation(connection: Connection) -> None:
            for label, measure in measures.items():
                key = {"server_id": server_id, "scope_id": scope_id, "label": label.value}
                values = {
                    "action": measure.action.value,
                    "timeout_s": None if measure.timeout is None else _seconds(measure.timeout),
                }
                _put(connection, schema.actions, key, values)

        await self._write(server_id, operation)

    async def reset_measure(
        self, server_id: int, label: Label | None = None, *, channel_id: int | None = None
    ) -> Mapping[Label, Measure]:
        """Go back to what lies below: alerting, or for a scope the server's own actions.

        Parameters
        ----------
        label
            None: all six.

        Returns
        -------
        Mapping
            What was chosen until now.
        """
        scope_id = WHOLE_SERVER if channel_id is None else channel_id
        table = schema.actions
        statement = (
            _of_label(table, server_id, label).where(table.c.scope_id == scope_id).returning(table)
        )
        rows = await self._write(server_id, lambda connection: connection.execute(statement).all())
        return in_order({Label(row.label): measure_of(row) for row in rows})

    async def forget_place(self, server_id: int, channel_id: int) -> None:
        """Drop everything chosen for a scope, because it is no longer there."""

        scopes = (schema.actions.c.scope_id, schema.channel_thresholds.c.channel_id)

        def operation(connection: Connection) -> None:
            for scope in scopes:
                table = scope.table
                statement = delete(table).where(table.c.server_id == server_id, scope == channel_id)
                connection.execute(statement)

        await self._write(server_id, operation)

    async def set_step(self, server_id: int, step: Step) -> bool:
        """Add a step to the escalation, or change the one with the same number of flags.

        Returns
        -------
        bool
            ``False``: there are ten steps already, and nothing was changed.
        """
        table = schema.escalation

        def operation(connection: Connection) -> bool:
            others = connection.execute(
                select(func.count())
                .select_from(table)
                .where(table.c.server_id == server_id, table.c.flags != step.flags)
            ).scalar_one()
            if others >= MOST_STEPS:
                return False
            _put(
                connection,
                table,
                {"server_id": server_id, "flags": step.flags},
                {"window_s": _seconds(step.window), "timeout_s": _seconds(step.timeout)},
            )
            return True

        return await self._write(server_id, operation)

    async def drop_steps(self, server_id: int, flags: int | None = None) -> int:
        """Drop the step with this number of flags, or all; how many were dropped comes back."""
        statement = delete(schema.escalation).where(schema.escalation.c.server_id == server_id)
        if flags is not None:
            statement = statement.where(schema.escalation.c.flags == flags)
        return await self._write(
            server_id, lambda connection: connection.execute(statement).rowcount
        )


def _put(
    connection: Connection, table: Table, key: Mapping[str, object], values: Mapping[str, object]
) -> None:
    """Insert a row, or change the one with this key."""
    statement = schema.insert(connection, table).values({**key, **values})
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=dict(values)))


def _of_label(table: Table, server_id: int, label: Label | None) -> Delete:
    statement = delete(table).where(table.c.server_id == server_id)
    return statement if label is None else statement.where(table.c.label == label.value)


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
