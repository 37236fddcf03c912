"""The tables, for SQLite and PostgreSQL alike.

Written to be read with plain ``sqlite3`` as well: times are ISO 8601 in UTC, labels are words, and
each of the six scores and thresholds has its own column. Members' words are in ``excerpts`` alone,
and only of servers that asked for it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
    true,
)

from bot.labels import LABELS
from bot.storage.metadata import insert, metadata
from bot.storage.telling_tables import announcements, greetings, unscreened_lines, unshown
from bot.storage.utc_time import UtcTime

__all__ = (
    "actions",
    "announcements",
    "cards",
    "channel_thresholds",
    "daily_counts",
    "decisions",
    "deeds",
    "escalation",
    "excerpts",
    "exemptions",
    "forgettings",
    "greetings",
    "hourly_counts",
    "insert",
    "last_seen",
    "metadata",
    "privacy",
    "sample_counts",
    "score_samples",
    "servers",
    "thresholds",
    "unscreened",
    "unscreened_lines",
    "unshown",
    "verdicts",
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
    Column("mode", String(16), nullable=False, server_default="observe"),
    # How the author of a message that was acted on is told, and in which words of the server's own.
    Column("notice", String(16), nullable=False, server_default="off"),
    Column("notice_text", String(500)),
    Column("screen_titles", Boolean, nullable=False, server_default=true()),
    Column("screen_names", Boolean, nullable=False, server_default=false()),
    # Null: the one that the server has on Discord.
    Column("language", String(16)),
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

# Values of a category, channel, forum or thread, over the server's.
channel_thresholds = Table(
    "channel_thresholds",
    metadata,
    Column(
        "server_id",
        BigInteger,
        ForeignKey("servers.server_id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("channel_id", BigInteger, primary_key=True, autoincrement=False),
    Column("label", String(32), primary_key=True),
    Column("value", Double, nullable=False),
    CheckConstraint(
        "label IN ({})".format(", ".join(f"'{label}'" for label in LABELS)), name="label_known"
    ),
    CheckConstraint("value >= 0 AND value <= 1", name="value_in_range"),
)

# What is done about a label. The scope is 0 for the whole server, or the id of a category, channel,
# forum or thread.
actions = Table(
    "actions",
    metadata,
    Column(
        "server_id",
        BigInteger,
        ForeignKey("servers.server_id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("scope_id", BigInteger, primary_key=True, autoincrement=False),
    Column("label", String(32), primary_key=True),
    Column("action", String(16), nullable=False),
    Column("timeout_s", Integer),
    CheckConstraint(
        "label IN ({})".format(", ".join(f"'{label}'" for label in LABELS)), name="label_known"
    ),
)

# After so many flags of one author within a window, a timeout of at least so long.
escalation = Table(
    "escalation",
    metadata,
    Column(
        "server_id",
        BigInteger,
        ForeignKey("servers.server_id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("flags", Integer, primary_key=True, autoincrement=False),
    Column("window_s", Integer, nullable=False),
    Column("timeout_s", Integer, nullable=False),
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
    # Whether the action was to be carried out, and how long a timeout it was.
    Column("mode", String(16), nullable=False, server_default="observe"),
    Column("timeout_s", Integer),
    # The same revision may be delivered twice, by a gateway that replays or by two processes.
    UniqueConstraint("message_id", "surface", "revision"),
    # Ids on old alert cards must never come to mean another decision.
    sqlite_autoincrement=True,
)
Index("decisions_by_server", decisions.c.server_id, decisions.c.id)
Index("decisions_by_time", decisions.c.server_id, decisions.c.decided_at)
Index("decisions_by_channel", decisions.c.server_id, decisions.c.channel_id, decisions.c.id)
Index("decisions_by_author", decisions.c.server_id, decisions.c.author_id, decisions.c.decided_at)
Index(
    "decisions_unsettled",
    decisions.c.decided_at,
    sqlite_where=decisions.c.outcome.is_(None),
    postgresql_where=decisions.c.outcome.is_(None),
)

# A moderator's judgement on a flag. A row goes when it is taken back.
verdicts = Table(
    "verdicts",
    metadata,
    Column(
        "decision_id",
        BigInteger,
        ForeignKey("decisions.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("verdict", String(16), nullable=False),
    Column("moderator_id", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False),
    CheckConstraint("verdict IN ('upheld', 'dismissed')", name="verdict_known"),
)

# What was done about a flag, by a moderator's click or (moderator null) by the bot itself.
deeds = Table(
    "deeds",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column(
        "decision_id", BigInteger, ForeignKey("decisions.id", ondelete="CASCADE"), nullable=False
    ),
    Column("kind", String(16), nullable=False),
    Column("moderator_id", BigInteger),
    Column("at", UtcTime, nullable=False),
    Column("duration_s", BigInteger),
    Column("result", String(16), nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("detail", String(200)),
)
_standing = "kind <> 'undo' AND result IN ('begun', 'done', 'lifting')"
Index(
    "deeds_once",
    deeds.c.decision_id,
    deeds.c.kind,
    unique=True,
    sqlite_where=text(_standing),
    postgresql_where=text(_standing),
)
Index("deeds_by_decision", deeds.c.decision_id)

# Where a flag's card stands, and what became of the flagged message since.
cards = Table(
    "cards",
    metadata,
    Column(
        "decision_id",
        BigInteger,
        ForeignKey("decisions.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("channel_id", BigInteger, nullable=False),
    Column("card_id", BigInteger, nullable=False),
    Column("edited_at", UtcTime),
    Column("deleted_at", UtcTime),
    Column("by_webhook", Boolean, nullable=False, server_default=false()),
    # Kinds of deeds, with commas.
    Column("open_deeds", String(32), nullable=False, server_default=""),
    # In which it was posted; null: not known.
    Column("language", String(16)),
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

# The same by the hour (UTC), for the hours in which most is written.
hourly_counts = Table(
    "hourly_counts",
    metadata,
    Column("server_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("texts", BigInteger, nullable=False),
    CheckConstraint("hour >= 0 AND hour <= 23", name="hour_in_range"),
)

# How many texts passed on a day, by how high their highest score was: what samples stand for.
sample_counts = Table(
    "sample_counts",
    metadata,
    Column("server_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    Column("stratum", SmallInteger, primary_key=True, autoincrement=False),
    Column("texts", BigInteger, nullable=False),
)

# Scores of some texts that passed, in thousandths. A place is filled anew now and then, so a day's
# samples never become more; which text it was, whose and when is not told. The channel is null
# where it might say whose text it was.
score_samples = Table(
    "score_samples",
    metadata,
    Column("server_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    Column("stratum", SmallInteger, primary_key=True, autoincrement=False),
    Column("place", SmallInteger, primary_key=True, autoincrement=False),
    Column("channel_id", BigInteger),
    *(Column(f"permille_{label}", SmallInteger, nullable=False) for label in LABELS),
    # Half the size on disk: nothing but the key is ever looked for.
    sqlite_with_rowid=False,
)

# Messages that could not be screened when they came; a row goes when that was made up for.
unscreened = Table(
    "unscreened",
    metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("server_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("reason", String(32), nullable=False),
)
Index(
    "unscreened_by_server",
    unscreened.c.server_id,
    unscreened.c.channel_id,
    unscreened.c.message_id,
)

# Up to which message everything posted in a server was dealt with. Ids grow with time.
last_seen = Table(
    "last_seen",
    metadata,
    Column("server_id", BigInteger, primary_key=True, autoincrement=False),
    Column("message_id", BigInteger, nullable=False),
)

# What a server chose of how long things are kept. No row: the defaults.
privacy = Table(
    "privacy",
    metadata,
    Column("server_id", BigInteger, primary_key=True, autoincrement=False),
    Column("retention_days", Integer, nullable=False),
    # Null: no excerpts are kept.
    Column("excerpt_days", Integer),
    # Since when the bot is no longer in the server; null while it is.
    Column("left_at", UtcTime),
    CheckConstraint("retention_days >= 1 AND retention_days <= 90", name="retention_in_range"),
    CheckConstraint("excerpt_days >= 1 AND excerpt_days <= 30", name="excerpt_in_range"),
)

# The beginning of flagged texts, where a server wants it kept.
excerpts = Table(
    "excerpts",
    metadata,
    Column(
        "decision_id",
        BigInteger().with_variant(Integer, "sqlite"),
        ForeignKey("decisions.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("text", String(200), nullable=False),
    Column("stored_at", UtcTime, nullable=False),
)

# Who asked to be forgotten, until nothing of theirs is left.
forgettings = Table(
    "forgettings",
    metadata,
    Column("server_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("asked_at", UtcTime, nullable=False),
)
