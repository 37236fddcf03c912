"""The trainer: labelled comments in, a model directory that the bot can load out.

Runs offline and is never imported by the bot. From the bot it takes the labels, the normaliser and
the model directory's format, so that both sides agree on them by construction.
"""
