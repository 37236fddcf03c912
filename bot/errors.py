"""What can go wrong, in words a user can act on.

Each error carries what it is about; its message names the value, the place and the way out. The
edges (command line, Discord commands) print the message as it is; nothing here holds message text
or a token.
"""

from __future__ import annotations

from pathlib import Path


class HexwardError(Exception):
    """Anything Hexward reports to its user in one sentence, never as a traceback."""


class SettingsError(HexwardError):
    """A setting in the environment or in ``.env`` cannot be used."""


class ArtifactError(HexwardError):
    """A model directory that does not fit: names the file and the field."""

    def __init__(self, path: Path | str, problem: str) -> None:
        super().__init__(f"Model {path}: {problem}")
        self.path = path


class MissingExtraError(HexwardError):
    """An optional dependency is not installed."""

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(
            f"{purpose} needs packages that are not installed. "
            "In Hexward's folder, install them with: "
            f".venv/bin/pip install -c constraints.txt -e '.[{extra}]'"
        )
        self.extra = extra


class ScoringError(HexwardError):
    """A text could not be scored. Says nothing of the text itself."""


class Overloaded(ScoringError):
    """Too much waits to be scored; the text was not taken.

    Attributes
    ----------
    waiting
        How many texts wait: the server's, or altogether.
    server_id
        The server that has too much waiting, or None if it is all servers together.
    """

    def __init__(self, waiting: int, server_id: int | None = None) -> None:
        queue = "The scoring queue" if server_id is None else "This server's scoring queue"
        super().__init__(f"{queue} is full ({waiting} texts waiting). Try again shortly.")
        self.waiting = waiting
        self.server_id = server_id


class TooManyUnderWay(HexwardError):
    """More of a server's messages are under way than its share; one more was not taken."""

    def __init__(self, server_id: int | None) -> None:
        whose = "" if server_id is None else f" of server {server_id}"
        super().__init__(
            f"Too many messages{whose} are under way, waiting for Discord or for the database."
        )
        self.server_id = server_id


class EngineClosed(ScoringError):
    """The engine is shutting down and takes no more texts."""

    def __init__(self) -> None:
        super().__init__("Hexward is shutting down; nothing more is scored.")


class DatabaseError(HexwardError):
    """The database cannot be opened, or does not fit this version of Hexward."""


class DatabaseMisfit(DatabaseError):
    """The database's address, file or version is wrong; only its host can mend that."""


class ConnectionRefused(HexwardError):
    """Discord will not let the bot in until its host changes something (token, intent)."""


class ChartError(HexwardError):
    """A chart could not be drawn; its numbers are told without it."""
