"""A local stand-in for Discord: a page for people to try the bot in, a wire for protocol tests."""
