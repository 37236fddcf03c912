"""Which joining of each server was greeted.

Why: a server that is joined while the bot is off has to be greeted once it is back. So whether one
was greeted must be told apart by joining, not only by server. Servers of which anything is known
already were there before this step and are not greeted any more; those that the bot has left are,
should it be invited again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TRACES = ("announcements", "servers", "privacy", "last_seen", "daily_counts")


def upgrade() -> None:
    op.create_table(
        "greetings",
        sa.Column("server_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")),
        sa.PrimaryKeyConstraint("server_id", name="greetings_pk"),
    )
    known = " UNION ".join(f"SELECT server_id FROM {table}" for table in _TRACES)
    left = "SELECT server_id FROM privacy WHERE left_at IS NOT NULL"
    op.execute(
        f"INSERT INTO greetings (server_id) SELECT server_id FROM ({known}) AS known "
        f"WHERE server_id NOT IN ({left})"
    )
    op.execute("DELETE FROM announcements WHERE kind = 'greeting'")


def downgrade() -> None:
    op.execute("INSERT INTO announcements SELECT server_id, 'greeting' FROM greetings")
    op.drop_table("greetings")
