"""Whether a webhook wrote what a card is about.

Why: a webhook is no member whom anybody could time out, so its cards do not offer it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "cards", sa.Column("by_webhook", sa.Boolean, server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("cards", "by_webhook")
