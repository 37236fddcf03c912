"""What each server chose: preset, own rules, mode, log channel, exemptions, notices."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, func, select

from bot.rules import Mode
from bot.storage import schema
from bot.storage.rule_choices import RuleChoices
from bot.storage.server_settings import (
    DEFAULT_PRESET,
    LONGEST_NOTICE,
    MOST_EXEMPTIONS,
    ExemptionKind,
    Notice,
    ServerSettings,
)
from bot.storage.settings_cache import set_column
from bot.storage.whole_settings import WholeSettings

__all__ = ("DEFAULT_PRESET", "ExemptionKind", "ServerSettings", "Servers", "TooManyExemptions")

Exemption = tuple[ExemptionKind, int]
"""A role or a channel, and its id."""


class TooManyExemptions(Exception):
    """More roles, or more channels, were to be exempt than are kept.

    Attributes
    ----------
    kind
        Of which there is no room for more.
    """

    def __init__(self, kind: ExemptionKind) -> None:
        super().__init__(f"more than {MOST_EXEMPTIONS} exemptions of the kind {kind.value}")
        self.kind = kind


class Servers(RuleChoices, WholeSettings):
    """Reads and writes servers' settings; reading is from memory after the first time.

    Every change made through this object is seen by every `get` that begins after it.
    """

    async def set_preset(self, server_id: int, name: str) -> None:
        """Use a preset as it is: the server's own thresholds are dropped.

        Raises
        ------
        ValueError
            If `name` is empty or longer than 64 characters. Whether the model has a preset of that
            name is for the caller to know.
        """
        if not 0 < len(name) <= 64:
            raise ValueError("a preset's name has 1 to 64 characters")

        def operation(connection: Connection) -> None:
            connection.execute(
                delete(schema.thresholds).where(schema.thresholds.c.server_id == server_id)
            )
            set_column(connection, server_id, "preset", name)

        await self._write(server_id, operation)

    async def set_log_channel(self, server_id: int, channel_id: int | None) -> None:
        """Choose where alerts go; ``None``: nowhere."""
        await self._write(
            server_id,
            lambda connection: set_column(connection, server_id, "log_channel_id", channel_id),
        )

    async def set_exempt_moderators(self, server_id: int, exempt: bool) -> None:
        """Choose whether members who can manage messages are left alone."""
        await self._write(
            server_id,
            lambda connection: set_column(connection, server_id, "exempt_moderators", exempt),
        )

    async def set_exempt_bots(self, server_id: int, exempt: bool) -> None:
        """Choose whether other bots and webhooks are left alone."""
        await self._write(
            server_id, lambda connection: set_column(connection, server_id, "exempt_bots", exempt)
        )

    async def change_exemptions(
        self,
        server_id: int,
        *,
        added: Collection[Exemption] = (),
        removed: Collection[Exemption] = (),
    ) -> frozenset[Exemption]:
        """Leave roles' members and channels alone, and screen others again: all of it or nothing.

        Returns
        -------
        frozenset
            Those that changed something; of the others it was so already.

        Raises
        ------
        TooManyExemptions
            If there would be more than a thousand of a kind.
        """

        def operation(connection: Connection) -> frozenset[Exemption]:
            changed = {one for one in removed if _drop_exemption(connection, server_id, *one)}
            new = {one for one in added if _put_exemption(connection, server_id, *one)}
            for kind in {kind for kind, _ in new}:
                if _exemptions(connection, server_id, kind) > MOST_EXEMPTIONS:
                    raise TooManyExemptions(kind)
            return frozenset(changed | new)

        return await self._write(server_id, operation)

    async def remove_exemption(self, server_id: int, kind: ExemptionKind, target_id: int) -> bool:
        """Screen a role's members or a channel again; ``False``: there was no exemption."""
        return bool(await self.change_exemptions(server_id, removed=[(kind, target_id)]))

    async def set_screen_titles(self, server_id: int, screen: bool) -> None:
        """Choose whether titles of threads and forum posts are screened."""
        await self._write(
            server_id,
            lambda connection: set_column(connection, server_id, "screen_titles", screen),
        )

    async def set_screen_names(self, server_id: int, screen: bool) -> None:
        """Choose whether the names of members are screened."""
        await self._write(
            server_id,
            lambda connection: set_column(connection, server_id, "screen_names", screen),
        )

    async def set_language(self, server_id: int, language: str | None) -> None:
        """Choose in which language a server is spoken to; ``None``: in its own on Discord."""
        await self._write(
            server_id, lambda connection: set_column(connection, server_id, "language", language)
        )
        self._note_language(server_id, language)

    async def set_mode(self, server_id: int, mode: Mode) -> None:
        """Choose whether actions are carried out, or only told."""
        await self._write(
            server_id, lambda connection: set_column(connection, server_id, "mode", mode.value)
        )

    async def set_notice(self, server_id: int, notice: Notice) -> None:
        """Choose what the author of a message that was acted on is told.

        Raises
        ------
        ValueError
            If the text is empty or longer than 500 characters.
        """
        text = notice.text
        if text is not None and not 0 < len(text) <= LONGEST_NOTICE:
            raise ValueError(f"a notice has 1 to {LONGEST_NOTICE} characters")

        def operation(connection: Connection) -> None:
            set_column(connection, server_id, "notice", notice.way.value)
            set_column(connection, server_id, "notice_text", text)

        await self._write(server_id, operation)


def _put_exemption(
    connection: Connection, server_id: int, kind: ExemptionKind, target_id: int
) -> bool:
    statement = schema.insert(connection, schema.exemptions).values(
        server_id=server_id, kind=kind.value, target_id=target_id
    )
    return connection.execute(statement.on_conflict_do_nothing()).rowcount > 0


def _drop_exemption(
    connection: Connection, server_id: int, kind: ExemptionKind, target_id: int
) -> bool:
    statement = delete(schema.exemptions).filter_by(
        server_id=server_id, kind=kind.value, target_id=target_id
    )
    return connection.execute(statement).rowcount > 0


def _exemptions(connection: Connection, server_id: int, kind: ExemptionKind) -> int:
    statement = (
        select(func.count())
        .select_from(schema.exemptions)
        .filter_by(server_id=server_id, kind=kind.value)
    )
    return int(connection.execute(statement).scalar_one())
