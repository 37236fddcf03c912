"""What Alembic runs for every command; the connection comes from ``bot.storage.migrate``."""

from typing import Any, Literal

from alembic import context

from bot.storage.schema import metadata
from bot.storage.utc_time import UtcTime


def render(kind: str, item: Any, _: object) -> str | Literal[False]:
    """Write our own type into a new step as what it is made of, so that steps never change."""
    if kind == "type" and isinstance(item, UtcTime):
        return 'sa.String(27).with_variant(sa.DateTime(timezone=True), "postgresql")'
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite changes most things about a table only by copying it.
    render_as_batch=True,
    render_item=render,
)
# The caller's transaction is open, on SQLite too: all steps happen or none.
with context.begin_transaction():
    context.run_migrations()
