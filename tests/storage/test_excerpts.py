"""What servers choose of how long things are kept, and the excerpts that some choose."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from bot.storage import schema
from bot.storage.database import Database
from bot.storage.decisions import Decisions, NewDecision
from bot.storage.excerpts import MOST_CHARACTERS, Excerpts, excerpt
from bot.storage.privacy import Privacy, ServerPrivacy
from bot.storage.retention import Retention
from tests.storage.keeping import DAY, Clock, numbers

Make = Callable[..., NewDecision]


class TestChoices:
    async def test_a_server_that_chose_nothing_has_the_defaults(self, privacy: Privacy) -> None:
        assert await privacy.get(1) == ServerPrivacy(1, 30, None, None)

    async def test_choices_do_not_touch_each_other(self, privacy: Privacy) -> None:
        await privacy.set_excerpts(1, 5)
        await privacy.set_retention(1, 60)
        assert await privacy.get(1) == ServerPrivacy(1, 60, 5)
        await privacy.set_excerpts(1, None)
        assert await privacy.all() == {1: ServerPrivacy(1, 60, None)}

    @pytest.mark.parametrize("days", [0, -1, 91])
    async def test_refuses_a_retention_out_of_range(self, privacy: Privacy, days: int) -> None:
        with pytest.raises(ValueError, match="from 1 to 90"):
            await privacy.set_retention(1, days)

    @pytest.mark.parametrize("days", [0, 31])
    async def test_refuses_excerpts_kept_too_long(self, privacy: Privacy, days: int) -> None:
        with pytest.raises(ValueError, match="from 1 to 30"):
            await privacy.set_excerpts(1, days)


class TestExcerpts:
    async def test_nothing_is_kept_unless_the_server_wants_it(
        self, database: Database, privacy: Privacy, new_decision: Make
    ) -> None:
        excerpts = Excerpts(database)
        kept = await Decisions(database).record(new_decision(server_id=1, message_id=3))
        assert kept is not None
        assert not await excerpts.keep(1, 3, "content", "words")
        await privacy.set_excerpts(1, 7)
        assert await excerpts.keep(1, 3, "content", "words")
        assert await excerpts.of([kept.id, 99]) == {kept.id: "words"}
        # A text without a decision, and a decision of another server.
        assert not await excerpts.keep(1, 4, "content", "words")
        assert not await excerpts.keep(2, 3, "content", "words")

    async def test_the_latest_revision_gets_it(
        self, database: Database, privacy: Privacy, new_decision: Make
    ) -> None:
        excerpts, decisions = Excerpts(database), Decisions(database)
        await privacy.set_excerpts(1, 7)
        ids = []
        for revision, text in ((0, "first"), (1_700_000_000_000, "second")):
            kept = await decisions.record(
                new_decision(server_id=1, message_id=3, revision=revision)
            )
            assert kept is not None
            ids.append(kept.id)
            await excerpts.keep(1, 3, "content", text)
        assert await excerpts.of(ids) == {ids[0]: "first", ids[1]: "second"}

    async def test_they_go_with_their_message_or_channel(
        self, database: Database, privacy: Privacy, new_decision: Make
    ) -> None:
        excerpts, decisions = Excerpts(database), Decisions(database)
        await privacy.set_excerpts(1, 7)
        for message_id, channel_id in ((1, 10), (2, 10), (3, 20), (4, 20)):
            await decisions.record(
                new_decision(server_id=1, message_id=message_id, channel_id=channel_id)
            )
            await excerpts.keep(1, message_id, "content", "words")
        assert await excerpts.drop_messages([1, *range(100, 600)]) == 1
        assert await excerpts.drop_channel(1, 20) == 2
        assert await numbers(database, schema.excerpts) == 1
        assert await numbers(database, schema.decisions) == 4

    async def test_they_go_before_their_decision(
        self,
        database: Database,
        privacy: Privacy,
        retention: Retention,
        new_decision: Make,
        clock: Clock,
    ) -> None:
        await privacy.set_excerpts(1, 3)
        await Decisions(database).record(
            new_decision(server_id=1, message_id=3, decided_at=datetime.now(UTC))
        )
        await Excerpts(database).keep(1, 3, "content", "words")
        clock.now = datetime.now(UTC) + 2 * DAY
        await retention.purge()
        assert await numbers(database, schema.excerpts) == 1
        clock.now += 2 * DAY
        await retention.purge()
        assert await numbers(database, schema.excerpts) == 0
        assert await numbers(database, schema.decisions) == 1

    async def test_all_go_when_they_are_switched_off(
        self,
        database: Database,
        privacy: Privacy,
        retention: Retention,
        new_decision: Make,
        clock: Clock,
    ) -> None:
        clock.now = datetime.now(UTC)
        for server_id in (1, 2):
            await privacy.set_excerpts(server_id, 3)
            await Decisions(database).record(
                new_decision(server_id=server_id, message_id=server_id, decided_at=clock.now)
            )
            await Excerpts(database).keep(server_id, server_id, "content", "words")
        await privacy.set_excerpts(1, None)
        await retention.purge_server(1)
        assert await numbers(database, schema.excerpts) == 1

    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("short", "short"),
            ("x" * 200, "x" * 200),
            ("x" * 201, "x" * 199 + "…"),
            ("a\0b", "ab"),
            ("half \ud83d", "half ?"),
        ],
    )
    def test_a_text_is_cut_and_can_be_stored(self, text: str, kept: str) -> None:
        assert excerpt(text) == kept
        assert len(excerpt(text)) <= MOST_CHARACTERS
