"""What each server wants kept, for how long, and who asked to be forgotten.

Why: what is stored must go again: after a number of days that a server can choose, some days after
the bot has left a server, and when a member asks for it. A server that wants to may also have the
beginning of flagged messages kept for a while. ``excerpts`` is the only table with members' words
in it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.String(27).with_variant(sa.DateTime(timezone=True), "postgresql")
    op.create_table(
        "privacy",
        sa.Column("server_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("retention_days", sa.Integer, nullable=False),
        sa.Column("excerpt_days", sa.Integer),
        sa.Column("left_at", time),
        sa.PrimaryKeyConstraint("server_id", name="privacy_pk"),
        sa.CheckConstraint(
            "retention_days >= 1 AND retention_days <= 90", name=op.f("privacy_retention_in_range")
        ),
        sa.CheckConstraint(
            "excerpt_days >= 1 AND excerpt_days <= 30", name=op.f("privacy_excerpt_in_range")
        ),
    )
    op.create_table(
        "excerpts",
        sa.Column(
            "decision_id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("text", sa.String(200), nullable=False),
        sa.Column("stored_at", time, nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name="excerpts_pk"),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.id"], name="excerpts_decision_id_fk", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "forgettings",
        sa.Column("server_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("asked_at", time, nullable=False),
        sa.PrimaryKeyConstraint("server_id", "user_id", name="forgettings_pk"),
    )


def downgrade() -> None:
    for table in ("forgettings", "excerpts", "privacy"):
        op.drop_table(table)
