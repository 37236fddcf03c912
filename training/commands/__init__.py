"""The trainer's commands, by what they are for.

`rows` looks at what is learnt from, `fit` learns, `measure` says how well, `ship` makes what the
bot loads. The heavy imports are inside the commands: a wrong setting is told in a blink.
"""
