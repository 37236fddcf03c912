"""Write the next step: ``python -m migrations "Verdicts on decisions"``.

Compares the tables in ``bot.storage.schema`` with what the steps so far make, and writes the
difference as a new file. Read it, and say in its header why it is needed, before committing it.
"""

import sys
from tempfile import TemporaryDirectory

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine

from bot.storage.migrate import alembic_config


def write_step(title: str) -> None:
    """Write a step with this title; Alembic prints where."""
    with TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{folder}/scratch.db", poolclass=NullPool)
        with engine.connect() as connection:
            config = alembic_config(connection)
            command.upgrade(config, "head")
            steps = list(ScriptDirectory.from_config(config).walk_revisions())
            command.revision(config, title, autogenerate=True, rev_id=f"{len(steps) + 1:04}")
        engine.dispose()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('Usage: python -m migrations "What changes"')
    write_step(sys.argv[1])
