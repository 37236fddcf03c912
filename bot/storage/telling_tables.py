"""Tables of what servers were told, and of what they are still to be told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table

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

# Lines about unscreened messages that are not final yet: where they stand and what they counted.
unscreened_lines = Table(
    "unscreened_lines",
    metadata,
    Column("line_id", BigInteger, primary_key=True, autoincrement=False),
    Column("server_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("first_at", UtcTime, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Column("away", Boolean, nullable=False),
    Column("messages", BigInteger, nullable=False),
    # The channel that a line names, and how many there are.
    Column("place_id", BigInteger),
    Column("places", Integer, nullable=False),
    Column("left_out_id", BigInteger),
    Column("left_out_places", Integer, nullable=False),
    Column("left_out_since", UtcTime),
    Column("screened", BigInteger, nullable=False),
    Column("gone", BigInteger, nullable=False),
    Column("lost", BigInteger, nullable=False),
)
