"""Text in, scores and a decision out. Knows nothing of Discord or SQL."""
