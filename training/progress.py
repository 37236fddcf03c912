"""How far a training run is, where no terminal shows a bar."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

log = logging.getLogger(__name__)


class ProgressLines(TrainerCallback):
    """Logs a line with each logged loss: steps, loss, speed, and the time left.

    The time left counts on the speed since the start (or the resumption), evaluations included.
    """

    def __init__(self) -> None:
        self._begun = self._last = (0.0, 0)  # seconds, step

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._begun = self._last = (time.monotonic(), state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        now, step = time.monotonic(), state.global_step
        if not logs or "loss" not in logs or step <= self._last[1]:
            return
        rows = (step - self._last[1]) * args.train_batch_size * args.world_size
        per_step_s = (now - self._begun[0]) / (step - self._begun[1])
        log.info(
            "step %d of %d: loss %.4f, %.1f rows a second, %s left",
            step,
            state.max_steps,
            logs["loss"],
            rows / max(now - self._last[0], 1e-9),
            timedelta(seconds=round(per_step_s * (state.max_steps - step))),
        )
        self._last = (now, step)
