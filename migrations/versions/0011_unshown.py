"""How many flags of a server no moderator was shown, and when somebody was told of that.

Why: where the log channel is gone, what is done about messages is seen by nobody. Somebody who can
mend it is told once, and moderators hear later how much they have not seen, also after a restart.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.String(27).with_variant(sa.DateTime(timezone=True), "postgresql")
    op.create_table(
        "unshown",
        sa.Column("server_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("since", time, nullable=False),
        sa.Column("flags", sa.BigInteger, nullable=False),
        sa.Column("crowded", sa.BigInteger, nullable=False),
        sa.Column("told_at", time),
        sa.PrimaryKeyConstraint("server_id", name="unshown_pk"),
    )


def downgrade() -> None:
    op.drop_table("unshown")
