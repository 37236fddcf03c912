"""Steps from one version of the tables to the next; append-only.

A package so that an installed Hexward has them; Alembic finds them by their place.
"""
