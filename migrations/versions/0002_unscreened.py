"""Messages that went unscreened, and how far each server's messages were dealt with.

Why: more may come than the machine can score, and the bot may be away for a while; both are made up
for later, also after a restart, so which messages they are has to be on record. Ids and times only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.String(27).with_variant(sa.DateTime(timezone=True), "postgresql")
    op.create_table(
        "unscreened",
        sa.Column("message_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("server_id", sa.BigInteger, nullable=False),
        sa.Column("channel_id", sa.BigInteger, nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name="unscreened_pk"),
    )
    op.create_index("unscreened_by_server", "unscreened", ["server_id", "channel_id", "message_id"])
    op.create_table(
        "last_seen",
        sa.Column("server_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("message_id", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("server_id", name="last_seen_pk"),
    )


def downgrade() -> None:
    op.drop_table("last_seen")
    op.drop_table("unscreened")
