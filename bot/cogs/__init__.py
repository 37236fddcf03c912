"""One file for each thing a moderator can do."""
