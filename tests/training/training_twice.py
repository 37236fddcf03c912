"""``python -m training train``, and the same again after a kill, in the processes there are.

What ``torchrun`` starts, as `training` itself: to start it a second time would load all libraries
again, which takes longer than to train.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from unittest.mock import patch

from accelerate import PartialState
from torch import distributed

from training.__main__ import main

KEPT, LOST = "checkpoint-40", "checkpoint-54"


def break_off(directory: Path) -> None:
    """Leave what a kill in the second epoch would, and beside it what there was."""
    shutil.copytree(directory, directory.with_name("unbroken"))
    shutil.rmtree(directory / "model")
    shutil.rmtree(directory / "checkpoints" / LOST)


def twice(words: list[str]) -> None:
    with patch.object(PartialState, "destroy_process_group"):  # they are still to meet
        main(words, standalone_mode=False)
    distributed.barrier()
    if distributed.get_rank() == 0:
        break_off(Path(words[words.index("--run") + 1]))
    distributed.barrier()
    main([*words, "--resume"], standalone_mode=False)


if __name__ == "__main__":
    twice(sys.argv[1:])
