"""Which deeds were under way when a card was posted.

Why: how they ended is told above the card, and nowhere else. Until now this was guessed from how
long they took, which is wrong where a stop came between.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# Cards that are there already waited for so long.
_LATE = {
    "sqlite": "(julianday(changed_at) - julianday(at)) * 86400 >= 55",
    "postgresql": "changed_at - \"at\" >= interval '55 seconds'",
}


def upgrade() -> None:
    op.add_column(
        "cards", sa.Column("open_deeds", sa.String(32), server_default="", nullable=False)
    )
    late = _LATE[op.get_bind().dialect.name]
    op.execute(
        "UPDATE cards SET open_deeds = 'delete,timeout' WHERE decision_id IN"
        f" (SELECT decision_id FROM deeds WHERE moderator_id IS NULL AND {late})"
    )


def downgrade() -> None:
    op.drop_column("cards", "open_deeds")
