"""Whether to compute in bfloat16."""

from __future__ import annotations


def reduced(setting: str) -> bool:
    """What ``optimisation.bf16`` means here: "auto" is wherever the hardware has the format."""
    if setting != "auto":
        return setting == "on"
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    # Emulated bf16 is slower than fp32; only processors with the instructions gain from it.
    return bool(torch.cpu._is_avx512_bf16_supported())
