"""What moderators judge and do about flags, and where each flag's card stands.

Why: buttons on a card have to work after a restart, and two moderators who click at once, perhaps
with two processes behind them, must not act twice. Only the database can promise that: a flag has
one verdict, and one deletion and one timeout that stand or are under way. Ids, times and words for
what happened; never a message's text.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.String(27).with_variant(sa.DateTime(timezone=True), "postgresql")
    op.create_table(
        "verdicts",
        sa.Column("decision_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("moderator_id", sa.BigInteger, nullable=False),
        sa.Column("at", time, nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name="verdicts_pk"),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.id"], name="verdicts_decision_id_fk", ondelete="CASCADE"
        ),
        sa.CheckConstraint(
            "verdict IN ('upheld', 'dismissed')", name=op.f("verdicts_verdict_known")
        ),
    )
    op.create_table(
        "deeds",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("decision_id", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("moderator_id", sa.BigInteger),
        sa.Column("at", time, nullable=False),
        sa.Column("duration_s", sa.BigInteger),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("changed_at", time, nullable=False),
        sa.Column("detail", sa.String(200)),
        sa.PrimaryKeyConstraint("id", name="deeds_pk"),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.id"], name="deeds_decision_id_fk", ondelete="CASCADE"
        ),
    )
    standing = sa.text("kind <> 'undo' AND result IN ('begun', 'done', 'lifting')")
    op.create_index(
        "deeds_once",
        "deeds",
        ["decision_id", "kind"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )
    op.create_index("deeds_by_decision", "deeds", ["decision_id"])
    op.create_table(
        "cards",
        sa.Column("decision_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.BigInteger, nullable=False),
        sa.Column("card_id", sa.BigInteger, nullable=False),
        sa.Column("edited_at", time),
        sa.Column("deleted_at", time),
        sa.PrimaryKeyConstraint("decision_id", name="cards_pk"),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.id"], name="cards_decision_id_fk", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    for table in ("cards", "deeds", "verdicts"):
        op.drop_table(table)
