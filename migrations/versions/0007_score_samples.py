"""Scores of some of the texts that passed, and how many texts they stand for.

Why: to say what another threshold would have flagged, one has to know the scores of what was not
flagged. They are kept without the message, its author or its time of day; of a busy server's texts
only a sample.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_LABELS = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")


def upgrade() -> None:
    op.create_table(
        "sample_counts",
        sa.Column("server_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("stratum", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("texts", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("server_id", "day", "stratum", name="sample_counts_pk"),
    )
    op.create_table(
        "score_samples",
        sa.Column("server_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("stratum", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("place", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.BigInteger),
        *(sa.Column(f"permille_{label}", sa.SmallInteger, nullable=False) for label in _LABELS),
        sa.PrimaryKeyConstraint("server_id", "day", "stratum", "place", name="score_samples_pk"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in ("score_samples", "sample_counts"):
        op.drop_table(table)
