"""How many texts were looked at in each hour, and an index for what was decided since a time.

Why: moderators ask for their busiest hours, and for sums of the last days, which must not read all
that is stored of a server. Hours before this step are not known.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hourly_counts",
        sa.Column("server_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("hour", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("texts", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("server_id", "day", "hour", name="hourly_counts_pk"),
        sa.CheckConstraint("hour >= 0 AND hour <= 23", name=op.f("hourly_counts_hour_in_range")),
    )
    op.create_index("decisions_by_time", "decisions", ["server_id", "decided_at"])


def downgrade() -> None:
    op.drop_index("decisions_by_time", "decisions")
    op.drop_table("hourly_counts")
