"""Whether titles and names are screened, and what each server was told once.

Why: what stands beside messages is screened only where a server wants it; and a fact such as that
the bot reads only messages that mention it has to be told once, not after every start.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, default in (("screen_titles", sa.true()), ("screen_names", sa.false())):
        op.add_column(
            "servers", sa.Column(name, sa.Boolean, server_default=default, nullable=False)
        )
    op.create_table(
        "announcements",
        sa.Column("server_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("server_id", "kind", name="announcements_pk"),
    )


def downgrade() -> None:
    op.drop_table("announcements")
    for name in ("screen_names", "screen_titles"):
        op.drop_column("servers", name)
