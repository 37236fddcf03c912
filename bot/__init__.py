"""Hexward: a self-hosted Discord moderation bot with its own toxicity model."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("hexward")
except PackageNotFoundError:  # running from a source tree that was never installed
    __version__ = "0+unknown"
