"""What is kept of the weights: their running average, and the best epoch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

AVERAGE = "average.safetensors"
"""The average beside a checkpoint, and the last of its files to be written."""


class Average:
    """The running (exponential) average of the weights: a cheap ensemble of the late steps."""

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        self._decay = decay
        self._weights = {name: weight.detach().clone() for name, weight in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: torch.nn.Module, step: int) -> None:
        """Take in the weights after step ``step``; early steps are forgotten faster."""
        decay = min(self._decay, (1 + step) / (10 + step))
        kept = list(self._weights.values())
        new: list[torch.Tensor] = list(model.parameters())
        torch._foreach_lerp_(kept, new, 1.0 - decay)

    @contextmanager
    def lent_to(self, model: torch.nn.Module) -> Iterator[None]:
        """Give the model the averaged weights for a while."""
        own = {name: weight.detach().clone() for name, weight in model.named_parameters()}
        _give(self._weights, model)
        try:
            yield
        finally:
            _give(own, model)

    def save(self, path: Path) -> None:
        """Keep the average beside a checkpoint."""
        _save(self._weights, path)

    def load(self, path: Path) -> None:
        """Go on from a kept average."""
        for name, weight in load_file(path).items():
            self._weights[name].copy_(weight)


class Best:
    """The best epoch so far, on the disk.

    Parameters
    ----------
    directory
        Where ``weights.safetensors`` and ``epoch.json`` are kept.
    """

    def __init__(self, directory: Path) -> None:
        self._weights, self._epoch = directory / "weights.safetensors", directory / "epoch.json"

    def offer(self, model: torch.nn.Module, figure: float, step: int) -> bool:
        """Keep the model's weights if ``figure`` is the highest so far; whether it is.

        An epoch that is run again after a kill is offered again, and is not its own rival.
        """
        if self._epoch.exists():
            kept = json.loads(self._epoch.read_text(encoding="utf-8"))
            if kept["step"] < step and kept["figure"] >= figure:
                return False
        self._weights.parent.mkdir(parents=True, exist_ok=True)
        _save({name: weight.detach() for name, weight in model.named_parameters()}, self._weights)
        unfinished = self._epoch.with_name(f"unfinished.{self._epoch.name}")
        unfinished.write_text(json.dumps({"step": step, "figure": figure}), encoding="utf-8")
        unfinished.replace(self._epoch)
        return True

    @property
    def step(self) -> int | None:
        """The step whose weights are kept."""
        if not self._epoch.exists():
            return None
        return int(json.loads(self._epoch.read_text(encoding="utf-8"))["step"])

    def give(self, model: torch.nn.Module) -> None:
        """Give the model the best weights."""
        _give(load_file(self._weights), model)


def _save(weights: dict[str, torch.Tensor], path: Path) -> None:
    # A kill while writing leaves no half of a file under the name.
    unfinished = path.with_name(f"unfinished.{path.name}")
    save_file(weights, unfinished)
    unfinished.replace(path)


@torch.no_grad()
def _give(weights: dict[str, torch.Tensor], model: torch.nn.Module) -> None:
    for name, weight in model.named_parameters():
        weight.copy_(weights[name])


@torch.no_grad()
def blend(model: torch.nn.Module, other: torch.nn.Module, share: float) -> None:
    """Move a model's weights by ``share`` of the way towards those of one that it came from.

    Wortsman et al. 2022, "Robust fine-tuning of zero-shot models": along the line between a
    checkpoint and what it was fine-tuned to, the loss stays low, and points on it keep more of what
    the checkpoint could do.
    """
    others = dict(other.named_parameters())
    for name, weight in model.named_parameters():
        weight.lerp_(others[name].to(weight.dtype), share)
