"""Charts as PNG: described by frozen values, drawn in a process of their own.

Knows nothing of Discord or SQL. All words come from the caller, in the reader's language.
"""
