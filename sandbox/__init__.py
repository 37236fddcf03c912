"""A local stand-in for Discord: a page for people to try the bot in, a wire for protocol tests."""

import contextlib
import logging

# simcord checks discord.py by making a client without intents, about which discord.py warns.
_state_log = logging.getLogger("discord.state")
_level = _state_log.level
_state_log.setLevel(logging.ERROR)
with contextlib.suppress(ImportError):  # whoever needs it says so
    import simcord  # noqa: F401  (here, where that is kept quiet)
_state_log.setLevel(_level)
