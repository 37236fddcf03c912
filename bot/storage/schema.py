"""The tables, for SQLite and PostgreSQL alike.

Written to be read with plain ``sqlite3`` as well: times are ISO 8601 in UTC, labels are words, and
each of the six scores and thresholds has its own column. No column holds a message's text.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Date,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator, TypeEngine

from bot.labels import LABELS


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC: ``timestamptz`` on PostgreSQL, ``2026-01-31T12:00:00.000000Z`` on SQLite.

    The text has a fixed width, so it sorts as the times do and SQLite's date functions read it.
    """

    impl = String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[str]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone was given; aware UTC times are needed")
        moment = value.astimezone(UTC)
        if dialect.name == "postgresql":
            return moment
        return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

    def process_result_value(
        self, value: datetime | str | None, dialect: Dialect
    ) -> datetime | None:
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC)


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An ``INSERT`` that takes ``ON CONFLICT``, in the dialect of this connection."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "uq": "%(table_name)s_%(column_0_N_name)s_unique",
        "ck": "%(table_name)s_%(constraint_name)s",
    }
)

servers = Table(
    "servers",
    metadata,
    Column("server_id", BigInteger, primary_key=True, autoincrement=False),
    Column("preset", String(64), nullable=False),
    Column("log_channel_id", BigInteger),
    Column("exempt_moderators", Boolean, nullable=False),
    Column("exempt_bots", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

# A server's own values; the labels that are not here keep the preset's.
thresholds = Table(
    "thresholds",
    metadata,
    Column(
        "server_id",
        BigInteger,
        ForeignKey("servers.server_id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("label", String(32), primary_key=True),
    Column("value", Double, nullable=False),
    CheckConstraint(
        "label IN ({})".format(", ".join(f"'{label}'" for label in LABELS)), name="label_known"
    ),
    CheckConstraint("value >= 0 AND value <= 1", name="value_in_range"),
)

exemptions = Table(
    "exemptions",
    metadata,
    Column(
        "server_id",
        BigInteger,
        ForeignKey("servers.server_id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("kind", String(16), primary_key=True),
    Column("target_id", BigInteger, primary_key=True, autoincrement=False),
    CheckConstraint("kind IN ('role', 'channel')", name="kind_known"),
)

decisions = Table(
    "decisions",
    metadata,
    # SQLite counts up by itself only in a column whose type is exactly INTEGER (64 bits there).
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("server_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("message_id", BigInteger, nullable=False),
    Column("author_id", BigInteger, nullable=False),
    Column("surface", String(64), nullable=False),
    # 0: as posted. An edit: its time in Unix milliseconds.
    Column("revision", BigInteger, nullable=False),
    *(Column(f"score_{label}", Double, nullable=False) for label in LABELS),
    *(Column(f"threshold_{label}", Double, nullable=False) for label in LABELS),
    Column("labels_over", String(128), nullable=False),
    Column("action", String(32), nullable=False),
    # Null until what the action led to is known.
    Column("outcome", String(32)),
    Column("outcome_detail", String(200)),
    Column("model_version", String(128), nullable=False),
    Column("message_created_at", UtcTime, nullable=False),
    Column("decided_at", UtcTime, nullable=False),
    Column("settled_at", UtcTime),
    # The same revision may be delivered twice, by a gateway that replays or by two processes.
    UniqueConstraint("message_id", "surface", "revision"),
    # Ids on old alert cards must never come to mean another decision.
    sqlite_autoincrement=True,
)
Index("decisions_by_server", decisions.c.server_id, decisions.c.id)
Index(
    "decisions_unsettled",
    decisions.c.decided_at,
    sqlite_where=decisions.c.outcome.is_(None),
    postgresql_where=decisions.c.outcome.is_(None),
)

# How many texts were looked at; those that pass leave no other trace.
daily_counts = Table(
    "daily_counts",
    metadata,
    Column("server_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    Column("passed", BigInteger, nullable=False),
    Column("flagged", BigInteger, nullable=False),
)
