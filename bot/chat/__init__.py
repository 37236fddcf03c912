"""The Discord side, without commands."""
