"""The trainer: labelled comments in, a model directory that the bot can load out.

Runs offline and is never imported by the bot. From the bot it takes the labels, the normaliser and
the model directory's format, so that both sides agree on them by construction.

Where to look, in the order of the work:

- command line: `__main__`, `commands`; settings and folders: `config`, `recipes`, `runs`, `origins`
- rows: `tables`, `data`, `auxiliary`, `written` (chat lines), `teachers`, `augment`; `inspect`
  looks at them, `word_list` counts the normaliser's words in them
- training: `batches`, `losses`, `trainer`, `train`, `averaging`, `dropout`; without it: `baseline`
- a model directory: `graph`, `quantise`, `calibrate`, `export`, `card`; to the hub: `push`
- measuring: `evaluate`, `bootstrap`, `bias`, `robustness`, `suites`, `compare`, `errors`
"""
