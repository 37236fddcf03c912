"""In which language a server is spoken to.

Why: Discord lets only Community servers choose their language; every other server counts as
English, whatever is spoken there.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("servers", sa.Column("language", sa.String(16)))


def downgrade() -> None:
    op.drop_column("servers", "language")
