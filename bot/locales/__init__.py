"""Translations of what people on Discord read: one catalogue (gettext) for each language."""
