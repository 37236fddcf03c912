from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.dialects import postgresql, sqlite

from bot.storage import schema
from bot.storage.migrate import upgrade
from bot.storage.utc_time import UtcTime

LABELS = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")

# Everything that is stored. Whoever adds a column says here that it cannot hold a message's text.
COLUMNS = {
    "servers": {
        "server_id",
        "preset",
        "log_channel_id",
        "exempt_moderators",
        "exempt_bots",
        "created_at",
        "updated_at",
        "mode",
        "notice",
        "notice_text",
        "screen_titles",
        "screen_names",
        "language",
    },
    "thresholds": {"server_id", "label", "value"},
    "channel_thresholds": {"server_id", "channel_id", "label", "value"},
    "actions": {"server_id", "scope_id", "label", "action", "timeout_s"},
    "escalation": {"server_id", "flags", "window_s", "timeout_s"},
    "exemptions": {"server_id", "kind", "target_id"},
    "decisions": {
        "id",
        "server_id",
        "channel_id",
        "message_id",
        "author_id",
        "surface",
        "revision",
        *(f"score_{label}" for label in LABELS),
        *(f"threshold_{label}" for label in LABELS),
        "labels_over",
        "action",
        "outcome",
        "outcome_detail",
        "model_version",
        "message_created_at",
        "decided_at",
        "settled_at",
        "mode",
        "timeout_s",
    },
    "verdicts": {"decision_id", "verdict", "moderator_id", "at"},
    "deeds": {
        "id",
        "decision_id",
        "kind",
        "moderator_id",
        "at",
        "duration_s",
        "result",
        "changed_at",
        "detail",
    },
    "cards": {
        "decision_id",
        "channel_id",
        "card_id",
        "edited_at",
        "deleted_at",
        "by_webhook",
        "open_deeds",
        "language",
    },
    "daily_counts": {"server_id", "day", "passed", "flagged"},
    "hourly_counts": {"server_id", "day", "hour", "texts"},
    "sample_counts": {"server_id", "day", "stratum", "texts"},
    "score_samples": {
        "server_id",
        "day",
        "stratum",
        "place",
        "channel_id",
        *(f"permille_{label}" for label in LABELS),
    },
    "unscreened": {"message_id", "server_id", "channel_id", "at", "reason"},
    "last_seen": {"server_id", "message_id"},
    "unscreened_lines": {
        "line_id",
        "server_id",
        "channel_id",
        "first_at",
        "last_at",
        "away",
        "messages",
        "place_id",
        "places",
        "left_out_id",
        "left_out_places",
        "left_out_since",
        "screened",
        "gone",
        "lost",
    },
    "unshown": {"server_id", "since", "flags", "crowded", "told_at"},
    "announcements": {"server_id", "kind"},
    "greetings": {"server_id", "joined_at"},
    "privacy": {"server_id", "retention_days", "excerpt_days", "left_at"},
    # The only words of members, of servers that asked for it.
    "excerpts": {"decision_id", "text", "stored_at"},
    "forgettings": {"server_id", "user_id", "asked_at"},
    "alembic_version": {"version_num"},
}


# Words of a server's own, told to its members; everything else in text is a name.
LONGER = {"servers.notice_text": 500}


def statements(path: Path) -> dict[str, list[str]]:
    """Name → the parts of the ``CREATE`` statement of everything of ours in a file.

    Those of a table in no order: a column that a later step adds stands behind the constraints.
    """
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: parts(sql) for name, sql in rows if name != "alembic_version"}


def parts(sql: str) -> list[str]:
    """What stands between the commas of a statement's outermost brackets, and before them."""
    head, _, body = re.sub(r"\s+", " ", sql).partition("(")
    body, _, tail = body.rpartition(")")
    found, depth = [""], 0
    for character in body:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth:
            found.append("")
        else:
            found[-1] += character
    found = [part.strip() for part in found]
    return [head, tail, *(sorted(found) if head.startswith("CREATE TABLE") else found)]


def test_migrations_make_exactly_the_tables_of_the_schema(tmp_path: Path) -> None:
    migrated, made = tmp_path / "migrated.db", tmp_path / "made.db"
    upgrade(f"sqlite:///{migrated}")
    engine = sa.create_engine(f"sqlite:///{made}", poolclass=sa.NullPool)
    schema.metadata.create_all(engine)
    assert statements(migrated) == statements(made)


def test_alembic_finds_no_difference(path: Path, url: str) -> None:
    upgrade(url)
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_nothing_but_an_excerpt_can_hold_a_message_text(path: Path, url: str) -> None:
    upgrade(url)
    with closing(sqlite3.connect(path)) as connection:
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        found = {
            table: {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            for table in tables
            if not table.startswith("sqlite_")
        }
    assert found == COLUMNS


def test_every_text_column_is_short(path: Path, url: str) -> None:
    upgrade(url)
    for table in schema.metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, sa.String):
                assert column.type.length is not None
                assert column.type.length <= LONGER.get(str(column), 200), column


def test_the_tables_are_plain_postgresql_too() -> None:
    dialect = postgresql.dialect()
    ddl = str(sa.schema.CreateTable(schema.decisions).compile(dialect=dialect))
    assert "id BIGSERIAL NOT NULL" in ddl
    assert "decided_at TIMESTAMP WITH TIME ZONE NOT NULL" in ddl
    assert "score_identity_hate DOUBLE PRECISION NOT NULL" in ddl
    for table in schema.metadata.sorted_tables:
        assert str(sa.schema.CreateTable(table).compile(dialect=dialect))


class TestUtcTime:
    def test_is_readable_and_of_fixed_width(self) -> None:
        bind = UtcTime().process_bind_param
        moment = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
        assert bind(moment, sqlite.dialect()) == "2026-01-31T12:00:00.000000Z"

    def test_other_zones_become_utc(self) -> None:
        east = timezone(timedelta(hours=5, minutes=30))
        moment = datetime(2026, 2, 1, 2, 0, 0, 7, tzinfo=east)
        kind, dialect = UtcTime(), sqlite.dialect()
        stored = kind.process_bind_param(moment, dialect)
        assert stored == "2026-01-31T20:30:00.000007Z"
        read = kind.process_result_value(stored, dialect)
        assert read == moment
        assert read is not None
        assert read.tzinfo is UTC

    @pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()])
    def test_refuses_a_time_without_a_zone(self, dialect: sa.Dialect) -> None:
        naive = datetime(2026, 1, 31, tzinfo=UTC).replace(tzinfo=None)
        with pytest.raises(ValueError, match="time zone"):
            UtcTime().process_bind_param(naive, dialect)

    def test_sqlite_can_reckon_with_it(self) -> None:
        with closing(sqlite3.connect(":memory:")) as connection:
            (day,) = connection.execute(
                "SELECT date('2026-01-31T12:00:00.000000Z', '+1 day')"
            ).fetchone()
        assert day == "2026-02-01"
