"""What is done about a flag: mode, actions, thresholds by channel, escalation, notices.

Why: servers choose for each label what happens, in the whole server or in a channel or category,
and whether it is carried out or only told; a decision has to say both, so that one which a crash
left behind is picked up as it was meant. Columns are added at the end, and nothing is copied.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LABELS = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")
KNOWN_LABEL = "label IN ({})".format(", ".join(f"'{label}'" for label in LABELS))


def _of_server(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["server_id"], ["servers.server_id"], name=f"{table}_server_id_fk", ondelete="CASCADE"
    )


def upgrade() -> None:
    op.add_column(
        "servers", sa.Column("mode", sa.String(16), server_default="observe", nullable=False)
    )
    op.add_column(
        "servers", sa.Column("notice", sa.String(16), server_default="off", nullable=False)
    )
    op.add_column("servers", sa.Column("notice_text", sa.String(500)))
    op.add_column(
        "decisions", sa.Column("mode", sa.String(16), server_default="observe", nullable=False)
    )
    op.add_column("decisions", sa.Column("timeout_s", sa.Integer))
    op.create_index("decisions_by_author", "decisions", ["server_id", "author_id", "decided_at"])
    op.create_table(
        "actions",
        sa.Column("server_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("scope_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("label", sa.String(32), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("timeout_s", sa.Integer),
        sa.PrimaryKeyConstraint("server_id", "scope_id", "label", name="actions_pk"),
        sa.CheckConstraint(KNOWN_LABEL, name=op.f("actions_label_known")),
        _of_server("actions"),
    )
    op.create_table(
        "channel_thresholds",
        sa.Column("server_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("label", sa.String(32), nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("server_id", "channel_id", "label", name="channel_thresholds_pk"),
        sa.CheckConstraint(KNOWN_LABEL, name=op.f("channel_thresholds_label_known")),
        sa.CheckConstraint(
            "value >= 0 AND value <= 1", name=op.f("channel_thresholds_value_in_range")
        ),
        _of_server("channel_thresholds"),
    )
    op.create_table(
        "escalation",
        sa.Column("server_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("flags", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("window_s", sa.Integer, nullable=False),
        sa.Column("timeout_s", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("server_id", "flags", name="escalation_pk"),
        _of_server("escalation"),
    )


def downgrade() -> None:
    for table in ("escalation", "channel_thresholds", "actions"):
        op.drop_table(table)
    op.drop_index("decisions_by_author", "decisions")
    for table, columns in (
        ("decisions", ("timeout_s", "mode")),
        ("servers", ("notice_text", "notice", "mode")),
    ):
        for column in columns:
            op.drop_column(table, column)
