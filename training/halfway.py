"""The lower layers learn to guess what the whole network will say.

Then more texts can leave there, and fewer of them wrongly (`training.early_exit`): layers that are
trained for the last one's sake alone show late what they know (Zhang et al. 2019, "Be Your Own
Teacher: Improve the Performance of Convolutional Neural Networks via Self Distillation").
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import gelu, smooth_l1_loss

from bot.labels import LABELS

_WIDTH = 128
_ATTRIBUTE = "halfway"


class Halfway(nn.Module):
    """A head on the token states behind one of the layers. It serves training alone, and reads what
    the exit's own does (`training.exit_graph.Head`), which is fitted to the 8-bit graph afterwards.

    Parameters
    ----------
    layer
        Behind which; the first is 1.
    size
        d, of a token's state.
    """

    def __init__(self, layer: int, size: int) -> None:
        super().__init__()
        self.after = layer
        self.norm = nn.LayerNorm(3 * size)
        self.inner = nn.Linear(3 * size, _WIDTH)
        self.outer = nn.Linear(_WIDTH, len(LABELS))

    def forward(
        self, states: tuple[torch.Tensor, ...], mask: torch.Tensor, logits: torch.Tensor
    ) -> torch.Tensor:
        """How far its guess is from what the whole network says.

        Parameters
        ----------
        states
            Of the embeddings and of each layer, [rows, tokens, d].
        mask
            [rows, tokens], 0 where padding is.
        logits
            [rows, 6], of the whole network, which learns nothing from this.

        Returns
        -------
        torch.Tensor
            A scalar: Huber's loss of a logit, in the mean.
        """
        found, there = states[self.after], mask[:, :, None] > 0
        mean = torch.where(there, found, 0).sum(1) / there.sum(1)
        highest = found.masked_fill(~there, -torch.inf).amax(1)
        read = self.norm(torch.cat([found[:, 0], mean, highest], 1))
        guess = self.outer(gelu(self.inner(read), approximate="tanh"))
        return smooth_l1_loss(guess.float(), logits.detach().float())


def attach(model: nn.Module, layer: int, size: int) -> None:
    """Make the head a part of the network, so that checkpoints and averages have it too."""
    setattr(model, _ATTRIBUTE, Halfway(layer, size))


def of(model: nn.Module) -> Halfway | None:
    """The head of a network, if it has one."""
    found = getattr(model, _ATTRIBUTE, None)
    return found if isinstance(found, Halfway) else None


def detach(model: nn.Module) -> None:
    """Take the head away again, if there is one."""
    if of(model) is not None:
        delattr(model, _ATTRIBUTE)
