"""What Alembic runs for every command; the connection comes from ``bot.storage.migrate``."""

from alembic import context

from bot.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite changes most things about a table only by copying it.
    render_as_batch=True,
)
# The caller's transaction is open, on SQLite too: all steps happen or none.
with context.begin_transaction():
    context.run_migrations()
