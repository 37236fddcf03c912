"""Tables of what servers were told, and of what they are still to be told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from bot.storage.metadata import metadata
from bot.storage.utc_time import UtcTime

# How many flags no moderator was shown, because nothing could be posted in the log channel. A row
# goes once that is told.
unshown = Table(
    "unshown",
    metadata,
    Column("server_id", BigInteger, primary_key=True, autoincrement=False),
    Column("since", UtcTime, nullable=False),
    Column("flags", BigInteger, nullable=False),
    # Counted in memory for a line that is not posted yet; a crash leaves them untold.
    Column("crowded", BigInteger, nullable=False),
    # When whoever can mend it was told last.
    Column("told_at", UtcTime),
)

# What a server was told once and need not hear again.
announcements = Table(
    "announcements",
    metadata,
    Column("server_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(32), primary_key=True),
)

# Which joining of a server was greeted. Null: the bot was there before this was put down.
greetings = Table(
    "greetings",
    metadata,
    Column("server_id", BigInteger, primary_key=True, autoincrement=False),
    Column("joined_at", UtcTime),
)
