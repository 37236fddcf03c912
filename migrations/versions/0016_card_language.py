"""In which language a card was posted.

Why: what stands above a card and its buttons are written again whenever something is done, and were
in another language than the card itself once the server had chosen another.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cards", sa.Column("language", sa.String(16)))


def downgrade() -> None:
    op.drop_column("cards", "language")
