"""An index for what was decided in a channel.

Why: when a channel is deleted, the cards of what was flagged in it are looked up, and nothing else
can be written meanwhile. After a raid that must not read every decision of the server.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("decisions_by_channel", "decisions", ["server_id", "channel_id", "id"])


def downgrade() -> None:
    op.drop_index("decisions_by_channel", "decisions")
