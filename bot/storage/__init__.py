"""SQL, and nothing but. Knows nothing of Discord."""
