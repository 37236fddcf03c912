"""Dropout that does not hold up a processor."""

from __future__ import annotations

import numpy as np
import torch


class ByteDropout(torch.nn.Module):
    """Dropout whose mask is drawn a byte at a time.

    PyTorch draws a whole random number for every element, and on one core: four times as slow, in a
    network of this size a quarter of each training step. The state of NumPy's generator is in the
    checkpoints, so a resumed run draws the same masks.

    Parameters
    ----------
    share
        Of the elements that become 0, rounded to a 256th; the others are scaled up to keep the sum.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.p = share  # attention asks its dropout layer for this, and drops by itself
        self._dropped = round(share * 256)
        self._scale = 256 / (256 - self._dropped)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Any shape → the same shape, unchanged outside training."""
        if not self.training or not self._dropped:
            return values
        drawn = torch.frombuffer(bytearray(np.random.bytes(values.numel())), dtype=torch.uint8)
        mask = (drawn >= self._dropped).to(values.dtype).mul_(self._scale)
        return values * mask.view(values.shape)


def on_processor(model: torch.nn.Module) -> None:
    """Put it in the place of every dropout layer of a model that is trained on a processor."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, torch.nn.Dropout) and child.p:
                setattr(module, name, ByteDropout(child.p))
