"""Servers' settings, and the log of decisions.

Why: the bot has to remember what each server chose, and a decision has to be on record before it is
acted on, so that a crash in between can be picked up. Nothing here can hold a message's text.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LABELS = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    kind = sa.String(27).with_variant(sa.DateTime(timezone=True), "postgresql")
    return sa.Column(name, kind, nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "servers",
        sa.Column("server_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("preset", sa.String(64), nullable=False),
        sa.Column("log_channel_id", sa.BigInteger),
        sa.Column("exempt_moderators", sa.Boolean, nullable=False),
        sa.Column("exempt_bots", sa.Boolean, nullable=False),
        _time("created_at"),
        _time("updated_at"),
        sa.PrimaryKeyConstraint("server_id", name="servers_pk"),
    )
    op.create_table(
        "thresholds",
        sa.Column("server_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("label", sa.String(32), nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("server_id", "label", name="thresholds_pk"),
        sa.CheckConstraint(
            "label IN ({})".format(", ".join(f"'{label}'" for label in LABELS)),
            name=op.f("thresholds_label_known"),
        ),
        sa.CheckConstraint("value >= 0 AND value <= 1", name=op.f("thresholds_value_in_range")),
        sa.ForeignKeyConstraint(
            ["server_id"], ["servers.server_id"], name="thresholds_server_id_fk", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "exemptions",
        sa.Column("server_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("target_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("server_id", "kind", "target_id", name="exemptions_pk"),
        sa.CheckConstraint("kind IN ('role', 'channel')", name=op.f("exemptions_kind_known")),
        sa.ForeignKeyConstraint(
            ["server_id"], ["servers.server_id"], name="exemptions_server_id_fk", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("server_id", sa.BigInteger, nullable=False),
        sa.Column("channel_id", sa.BigInteger, nullable=False),
        sa.Column("message_id", sa.BigInteger, nullable=False),
        sa.Column("author_id", sa.BigInteger, nullable=False),
        sa.Column("surface", sa.String(64), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        *(sa.Column(f"score_{label}", sa.Double, nullable=False) for label in LABELS),
        *(sa.Column(f"threshold_{label}", sa.Double, nullable=False) for label in LABELS),
        sa.Column("labels_over", sa.String(128), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("outcome", sa.String(32)),
        sa.Column("outcome_detail", sa.String(200)),
        sa.Column("model_version", sa.String(128), nullable=False),
        _time("message_created_at"),
        _time("decided_at"),
        _time("settled_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="decisions_pk"),
        sa.UniqueConstraint(
            "message_id",
            "surface",
            "revision",
            name="decisions_message_id_surface_revision_unique",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("decisions_by_server", "decisions", ["server_id", "id"])
    op.create_index(
        "decisions_unsettled",
        "decisions",
        ["decided_at"],
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_table(
        "daily_counts",
        sa.Column("server_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("passed", sa.BigInteger, nullable=False),
        sa.Column("flagged", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("server_id", "day", name="daily_counts_pk"),
    )


def downgrade() -> None:
    for table in ("daily_counts", "decisions", "exemptions", "thresholds", "servers"):
        op.drop_table(table)
