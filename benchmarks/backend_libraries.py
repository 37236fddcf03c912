"""ONNX Runtime, OpenVINO and PyTorch, each made to run the same network the same way.

OpenVINO is no dependency of this project; where it is not installed it is left out.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.backend_sides import ONNX, OPENVINO, TORCH, Arrangement, Library, Run, Way

COMPILERS = ("c++", "g++", "clang++")
# Where OpenVINO tells which code an operator got.
_CODE, _KIND, _PRODUCT = "primitiveType", "layerType", "FullyConnected"


def has(library: str) -> bool:
    """Whether a library is installed."""
    return importlib.util.find_spec(library) is not None


def has_compiler() -> bool:
    """Whether PyTorch finds a C++ compiler for the code that it generates."""
    named = os.environ.get("CXX")
    return any(shutil.which(each) for each in ((named,) if named else COMPILERS))


def imported(library: str) -> Callable[[Way], Library]:
    """Import a library; what makes a network of it."""
    importlib.import_module(library)
    if library == TORCH:
        importlib.import_module("transformers")
    kinds: dict[str, Callable[[Way], Library]] = {
        ONNX: _Onnx,
        OPENVINO: _OpenVino,
        TORCH: _Torch,
    }
    return kinds[library]


class _Onnx:
    def __init__(self, way: Way) -> None:
        self._way = way
        self._sessions: dict[int, Any] = {}

    def runs(self, arrangement: Arrangement) -> Sequence[Run]:
        # A session may be called from many threads at once; the calling thread does the work.
        if arrangement.threads not in self._sessions:
            self._sessions[arrangement.threads] = self._session(arrangement.threads)
        session = self._sessions[arrangement.threads]
        names = [each.name for each in session.get_inputs()]

        def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[Any]:
            return np.asarray(session.run(None, _feed(names, ids, mask))[0])

        return [run] * arrangement.lanes

    def _session(self, threads: int) -> Any:
        import onnxruntime

        from bot.screening.backends import SLOWER_JOINED

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = self._way.arena
        options.enable_mem_pattern = self._way.patterns
        spinning = "1" if self._way.spinning else "0"
        options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
        options.log_severity_level = 4
        return onnxruntime.InferenceSession(
            self._way.path,
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=[] if self._way.slower_joined else SLOWER_JOINED,
        )

    def instructions(self) -> str:
        return ""  # it does not tell


class _OpenVino:
    def __init__(self, way: Way) -> None:
        self._way = way
        openvino: Any = importlib.import_module("openvino")
        self._core = openvino.Core()
        self._model = self._core.read_model(way.path)
        self._newest: Any = None

    def runs(self, arrangement: Arrangement) -> Sequence[Run]:
        settings = {
            "NUM_STREAMS": arrangement.lanes,
            "INFERENCE_NUM_THREADS": arrangement.cores,
            "INFERENCE_PRECISION_HINT": self._way.precision,
            "ENABLE_CPU_PINNING": False,  # two processes of this comparison would share a core
        }
        network = self._newest = self._core.compile_model(self._model, "CPU", settings)
        names = [each.get_any_name() for each in network.inputs]

        def lane(request: Any) -> Run:
            def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[Any]:
                return np.asarray(request.infer(_feed(names, ids, mask), share_inputs=True)[0])

            return run

        return [lane(network.create_infer_request()) for _ in range(arrangement.lanes)]

    def instructions(self) -> str:
        codes: Counter[str] = Counter()
        for node in self._newest.get_runtime_model().get_ops():
            told = node.get_rt_info()
            if _CODE in told and told[_KIND].astype(str) == _PRODUCT:
                codes[told[_CODE].astype(str)] += 1
        return codes.most_common(1)[0][0] if codes else ""


class _Torch:
    def __init__(self, way: Way) -> None:
        import torch
        from transformers import BertForSequenceClassification, logging

        quiet: Any = logging
        quiet.set_verbosity_error()
        quiet.disable_progress_bar()
        self._torch: Any = torch
        kinds = {"f32": torch.float32, "bf16": torch.bfloat16}
        network: Any = BertForSequenceClassification.from_pretrained(
            way.path, dtype=kinds[way.precision]
        )
        self._network = network.eval()
        if way.compiled:
            # One layer's code serves all of them; compiled whole, it takes six times as long.
            for layer in network.bert.encoder.layer:
                layer.compile(dynamic=True)

    def runs(self, arrangement: Arrangement) -> Sequence[Run]:
        torch, threads = self._torch, arrangement.threads
        set_for = threading.local()

        def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[Any]:
            # Every thread that calls has a number of its own.
            if getattr(set_for, "threads", None) != threads or torch.get_num_threads() != threads:
                torch.set_num_threads(threads)
                set_for.threads = threads
            with torch.inference_mode():
                found = self._network(
                    input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)
                )
            logits: NDArray[Any] = found.logits.float().numpy()
            return logits

        return [run] * arrangement.lanes

    def instructions(self) -> str:
        found: str = self._torch.backends.cpu.get_cpu_capability()
        return found


def _feed(
    names: Sequence[str], ids: NDArray[np.int64], mask: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    known = {"input_ids": ids, "attention_mask": mask}
    return {name: known[name] if name in known else np.zeros_like(ids) for name in names}
