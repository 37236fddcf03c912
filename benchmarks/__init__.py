"""Measurements of this project's speed: ``python -m benchmarks.NAME``."""
