"""Lines that tell of unscreened messages and are not final yet.

Why: a line that was posted before a stop says that the rest is screened after the next start. It
has to be found again then, with what it counted, so that it can say how that ended.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.String(27).with_variant(sa.DateTime(timezone=True), "postgresql")
    op.create_table(
        "unscreened_lines",
        sa.Column("line_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("server_id", sa.BigInteger, nullable=False),
        sa.Column("channel_id", sa.BigInteger, nullable=False),
        sa.Column("first_at", time, nullable=False),
        sa.Column("last_at", time, nullable=False),
        sa.Column("away", sa.Boolean, nullable=False),
        sa.Column("messages", sa.BigInteger, nullable=False),
        sa.Column("place_id", sa.BigInteger),
        sa.Column("places", sa.Integer, nullable=False),
        sa.Column("left_out_id", sa.BigInteger),
        sa.Column("left_out_places", sa.Integer, nullable=False),
        sa.Column("left_out_since", time),
        sa.Column("screened", sa.BigInteger, nullable=False),
        sa.Column("gone", sa.BigInteger, nullable=False),
        sa.Column("lost", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("line_id", name="unscreened_lines_pk"),
    )


def downgrade() -> None:
    op.drop_table("unscreened_lines")
