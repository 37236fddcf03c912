"""When bfloat16 is computed in."""

from __future__ import annotations

import pytest
import torch

from training.precision import reduced


def test_a_wish_is_followed_whatever_the_hardware() -> None:
    assert reduced("on") is True
    assert reduced("off") is False


@pytest.mark.parametrize("hardware", [True, False])
def test_auto_asks_a_gpu_where_there_is_one(
    hardware: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: hardware)
    assert reduced("auto") is hardware


@pytest.mark.parametrize("instructions", [True, False])
def test_auto_asks_the_processor_where_there_is_no_gpu(
    instructions: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    # a GPU's drivers may answer though there is none
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: not instructions)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: instructions)
    assert reduced("auto") is instructions
